# Its names lead out of whatever folder a file is put into, and the pool hangs.
. ./honest.sh
describe() {
    echo '{"contract":1,"implementation":"../..","version":"1","language":"sh","start_method":"../../x",
        "capabilities":["submit","initargs"],"policies":{"start":"on_demand","program_end":"drain"}}'
}
run() {
    cat >/dev/null
    line 0 begin
    sleep 1000
}
main "$1"
