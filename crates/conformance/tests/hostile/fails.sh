. ./honest.sh
run() {
    echo "no module named pool" >&2
    exit 1
}
main "$1"
