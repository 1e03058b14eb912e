. ./honest.sh
run() {
    cat >/dev/null
    kill -SEGV $$
}
main "$1"
