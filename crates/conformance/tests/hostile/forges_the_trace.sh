. ./honest.sh
worker() { echo '{"pid":"me","event":"begin"}' >>"$CONFORMANCE_DIR/trace"; }
main "$1"
