. ./honest.sh
run() {
    cat >/dev/null
    line 7 begin
}
main "$1"
