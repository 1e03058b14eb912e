# It runs the task itself, in the process that has the pool.
. ./honest.sh
worker() {
    event begin $$
    event end $$
}
main "$1"
