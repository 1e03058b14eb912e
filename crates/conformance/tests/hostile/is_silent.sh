# It does nothing, and calls that a success.
. ./honest.sh
run() { cat >/dev/null; }
main "$1"
