. ./honest.sh
run() {
    cat >/dev/null
    printf '{"client":"nobody","step":0,"at":1,"is":"begin"}\n'
}
main "$1"
