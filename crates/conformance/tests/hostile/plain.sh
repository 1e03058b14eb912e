. ./honest.sh
main "$1"
