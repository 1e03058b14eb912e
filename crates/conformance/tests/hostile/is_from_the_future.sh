. ./honest.sh
describe() {
    echo '{"contract":2,"implementation":"sh","version":"1","language":"sh","start_method":"fork",
        "capabilities":[],"policies":{"start":"on_demand","program_end":"drain"}}'
}
main "$1"
