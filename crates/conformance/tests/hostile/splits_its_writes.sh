# Every line comes in pieces, with pauses between them.
. ./honest.sh
line() {
    printf '{"client":"main","step":%s,' "$1"
    sleep 0.01
    now
    printf '"at":%s,"is":"%s"' "$now" "$2"
    sleep 0.01
    printf '%s}\n' "${3:+,\"outcome\":$3}"
}
main "$1"
