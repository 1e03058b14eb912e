# It has processes of every kind that only end when they are killed, and says when they are there. The first
# argument says at which moment that is.
. ./honest.sh
moment=$1
linger() { sleep 20; exit 9; }
at() { # MOMENT
    [ "$moment" = "$1" ] || return 0
    exec 8>"$SHARED"
    linger &                                                  # of its group
    (setsid sh -c 'sleep 20; exit 9' &)                       # an orphan in a session of its own
    (setsid sh -c 'trap "" TERM INT HUP; sleep 20; exit 9' &) # one that ignores signals
    env -i PATH="$PATH" sh -c 'sleep 20; exit 9' &            # one without the environment of the run
    echo "$moment" >"$LINGERS"
    [ "$moment" = after-the-end ] || linger
}
run() {
    at before-a-line
    cat >/dev/null
    line 0 begin
    at in-a-step
    exit 0
}
case $2 in
    describe) at describe; describe ;;
    run) [ "$moment" = after-the-end ] && { at "$moment"; exit 7; }; run ;;
esac
