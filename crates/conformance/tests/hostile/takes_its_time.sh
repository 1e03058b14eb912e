# Each step comes in good time; all of them together take longer than what is waited for one.
. ./honest.sh
run() {
    cat >/dev/null
    line 0 begin; sleep 0.6; line 0 end '{"ok":null}'; sleep 0.6
    line 1 begin; worker; sleep 0.6; line 1 end '{"ok":null}'; sleep 0.6
    line 2 begin; sleep 0.6; line 2 end '{"ok":7}'; sleep 0.6
    line 3 begin; sleep 0.6; line 3 end '{"ok":null}'
}
main "$1"
