. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin; line 0 end '{"ok":null}'
}
main "$1"
