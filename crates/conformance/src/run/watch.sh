# Ends what a suite has left behind. Its standard input is a pipe that the suite never writes to, so the end
# of the input is the end of the suite, whatever ended it.
#
# $1 is the folder that holds the folders of all runs of this suite. A process belongs to a run by its
# environment, or by its group, as in process.rs.
trap '' HUP INT QUIT TERM
runs=$1
while read -r _; do :; done

# Prints the shared memory that processes use. A semaphore is made under a name of the moment, and its maker's
# map goes on to show that one: it is found by its inode.
used() { # NUMBER, or a pattern of numbers
    ls -l /proc/$1/fd 2>/dev/null | grep -o '/dev/shm/.*'
    cat /proc/$1/maps 2>/dev/null | grep ' /dev/shm/' | while read -r _ _ _ _ inode _; do
        find /dev/shm -inum "$inode"
    done
}

# A process that calls execve has no environment for that moment, and more may start until the last one is
# killed. So this ends when none was found for so many rounds.
rounds=10
ls -d "$runs"/run-* >/dev/null 2>&1 || rounds=0
while [ "$rounds" -gt 0 ]; do
    rounds=$((rounds - 1))
    found=$(grep -lsF -e "CONFORMANCE_DIR=$runs/" /proc/[0-9]*/environ | cut -d / -f 3)
    # All stand still first, so that none goes on because a child of it has ended.
    kill -s STOP $found 2>/dev/null
    for process in $found; do
        used "$process" >>"$runs/shared"
        kill -s KILL "$process" 2>/dev/null
        rounds=10
    done
    # Whose shared memory it is can only be seen before.
    for group in $(cat "$runs"/*/group 2>/dev/null); do
        kill -s KILL -- "-$group" 2>/dev/null
    done
    sleep 0.01
done

# Shared memory outlives the processes that made it. It is removed if it is no older than the suite and no
# process uses it; one that was killed may do so for another moment.
[ -s "$runs/shared" ] && sort -u "$runs/shared" | while read -r memory; do
    [ ! "$memory" -ot "$runs/began" ] || continue
    round=0
    while [ "$round" -lt 50 ] && used '[0-9]*' | grep -qxF -e "$memory"; do
        round=$((round + 1))
        sleep 0.01
    done
    [ "$round" -eq 50 ] || rm -f "$memory"
done
rm -rf "$runs"
