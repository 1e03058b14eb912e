# It answers null to every step of its only client, and has no pool at all.
. ./honest.sh
describe() {
    echo '{"contract":1,"implementation":"nothing","version":"1","language":"sh","start_method":"fork",
        "capabilities":["submit","map","initargs"],
        "policies":{"start":"on_demand","program_end":"drain","map_error":"stop"}}'
}
run() {
    steps=$(grep -o '"do":' | wc -l)
    step=0
    while [ "$step" -lt "$steps" ]; do
        line "$step" begin
        line "$step" end '{"ok":null}'
        step=$((step + 1))
    done
}
main "$1"
