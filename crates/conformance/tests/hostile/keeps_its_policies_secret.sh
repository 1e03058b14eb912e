. ./honest.sh
describe() {
    echo '{"contract":1,"implementation":"sh","version":"1","language":"sh","start_method":"fork",
        "capabilities":["submit","cancel"],"policies":{"start":"on_demand","program_end":"drain"}}'
}
main "$1"
