# It answers as if all had happened, and runs nothing.
. ./honest.sh
worker() { :; }
main "$1"
