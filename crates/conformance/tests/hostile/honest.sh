# An adapter in a few lines of sh, that has carried out one scenario: a pool, a task `a` that echoes 7,
# its result, shutdown. Its worker is a process of its own. The hostile ones source it and replace a part.

now() { # sets $now: CLOCK_MONOTONIC in nanoseconds, to the 10 ms that /proc/uptime has
    read -r up _ </proc/uptime
    now="${up%.*}${up#*.}0000000"
}
describe() {
    echo '{"contract":1,"implementation":"sh","version":"1","language":"sh","start_method":"fork",
        "capabilities":["submit"],"policies":{"start":"on_demand","program_end":"drain"}}'
}
line() { # STEP begin|end [OUTCOME]
    now
    printf '{"client":"main","step":%s,"at":%s,"is":"%s"%s}\n' "$1" "$now" "$2" "${3:+,\"outcome\":$3}"
}
event() { # EVENT PID
    now
    printf '{"pid":%s,"ppid":%s,"at":%s,"event":"%s","tag":"a"}\n' "$2" "$$" "$now" "$1" \
        >>"$CONFORMANCE_DIR/trace"
}
worker() {
    sh -c 'exec sleep 0' &
    wait $!
    event begin $!
    event end $!
}
run() {
    cat >/dev/null
    line 0 begin; line 0 end '{"ok":null}'
    line 1 begin; worker; line 1 end '{"ok":null}'
    line 2 begin; line 2 end '{"ok":7}'
    line 3 begin; line 3 end '{"ok":null}'
}
main() {
    "$1"
}
