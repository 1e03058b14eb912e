# A shell starts its worker in the background and ends, so the worker is an orphan while the scenario is held.
. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin
    orphan=$(sh -c 'sleep 1000 >/dev/null & echo $!')
    line 0 end '{"ok":null}'
    line 1 begin
    while [ ! -e "$CONFORMANCE_DIR/gate-look" ]; do :; done # a `sleep` would be a second process
    kill "$orphan"
    line 1 end '{"ok":null}'
}
main "$1"
