# Its times are of another clock than the contract's: all of them, or those of the trace.
. ./honest.sh
real() { date +%s%N; }
micro() {
    read -r up _ </proc/uptime
    echo "${up%.*}${up#*.}0000"
}
zero() { echo 0; }
clock=$1
case $2 in
    everywhere) now() { "$clock"; } ;;
    trace) worker() { (
        now() { "$clock"; }
        event begin 1
    ); } ;;
esac
main "$3"
