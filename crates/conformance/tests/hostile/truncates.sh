. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin; line 0 end '{"ok":null}'
    line 1 begin; worker; line 1 end '{"ok":null}'
    line 2 begin; line 2 end '{"ok":7}'
    line 3 begin; printf '{"client":"main","step":3,"at":1,"is":"e'
}
main "$1"
