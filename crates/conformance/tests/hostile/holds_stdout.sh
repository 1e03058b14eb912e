# An orphan keeps standard output open, and goes by itself only long after.
. ./honest.sh
main "$1"
[ "$1" = describe ] || { (setsid sleep 1000 &) ; }
