# It writes without end: where and when is said by its first argument.
. ./honest.sh
of=$1
flood() { # WHAT
    [ "$of" != "$1" ] || yes "a line that is as long as lines are"
}
run() {
    flood errors >&2
    cat >/dev/null
    line 0 begin; line 0 end '{"ok":null}'
    line 1 begin; worker; line 1 end '{"ok":null}'
    line 2 begin; line 2 end '{"ok":7}'
    line 3 begin; line 3 end '{"ok":null}'
    [ "$of" != orphans-errors ] || (setsid yes "a line that is as long as lines are" >&2 &)
}
case $2 in
    describe)
        flood description
        flood descriptions-errors >&2
        describe ;;
    run) run ;;
esac
