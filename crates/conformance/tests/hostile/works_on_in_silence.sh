# Its worker is at work for longer than what is waited for one step; the client waits for it all the time.
. ./honest.sh
worker() {
    sh -c 'exec sleep 100' &
    sleep 1.6; event begin $!
    sleep 1.6; event end $!
    kill $!
    sleep 1.6
}
main "$1"
