# The times of its lines, or of its trace, are of another clock than the contract's.
. ./honest.sh
real() { date +%s%N; }
micro() {
    read -r up _ </proc/uptime
    echo "${up%.*}${up#*.}0000"
}
zero() { echo 0; }
clock=$1
case $2 in
    lines)
        now() { now=$("$clock"); }
        # It writes no event that the suite could read before a line.
        worker() { :; }
        ;;
    trace) worker() { (
        now() { now=$("$clock"); }
        event begin 1
    ); } ;;
esac
main "$3"
