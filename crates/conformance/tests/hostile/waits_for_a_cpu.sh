# Computes before it begins, with the lowest priority on the CPU that its argument names.
. ./honest.sh
taskset -cp "$1" $$ >/dev/null
renice -n 19 -p $$ >/dev/null
left=30000
while [ "$left" -gt 0 ]; do left=$((left - 1)); done
main "$2"
