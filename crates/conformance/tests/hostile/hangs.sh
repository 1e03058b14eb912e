# It begins, and never answers.
. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin
    sleep 1000
}
main "$1"
