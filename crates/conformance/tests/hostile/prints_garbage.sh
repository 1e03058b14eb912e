. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin
    echo "DEBUG: pool created"
}
main "$1"
