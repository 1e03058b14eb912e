. ./honest.sh
describe() {
    echo '{"contract":1,"implementation":"sh","version":"1","language":"sh","start_method":" ",
        "capabilities":["submit"],"policies":{"start":"on_demand","program_end":"drain","cancel_running":"kill"}}'
}
main "$1"
