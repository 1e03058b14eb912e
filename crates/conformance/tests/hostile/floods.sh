# It writes without end and without a line's end.
. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin
    yes | tr -d '\n'
}
main "$1"
