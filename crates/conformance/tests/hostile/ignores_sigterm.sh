# It hangs, does not listen to SIGTERM, and its child is in a session of its own without a parent.
. ./honest.sh
run() {
    trap '' TERM
    (setsid sleep 1000 &)
    while :; do sleep 1000; done
}
main "$1"
