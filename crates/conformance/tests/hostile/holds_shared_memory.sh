# It hangs, and a worker of it has shared memory with a name, which is its first argument.
. ./honest.sh
name=$1
run() {
    cat >/dev/null
    line 0 begin
    sleep 1000 8>"/dev/shm/$name"
}
main "$2"
