#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two processes train together, and one of them is killed at a random moment,
# KILLS times (20).  All must end at once, and the run that is resumed, or begun
# again if it had no checkpoint yet, must have the undisturbed run's files.
# SEED repeats the moments of an earlier call.
# shellcheck source=tests/launched.sh
. "$SRCDIR/tests/launched.sh"
kills=${KILLS:-20}
seed=${SEED:-$(date +%s)}

# draw N: set $drawn to a number from 0 to N - 1, the next one of this seed.
draw()
{
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    drawn=$((seed * $1 / 2147483648)) # the upper bits are the random ones
}

# The time, in ms.
now()
{
    echo $(($(date +%s%N) / 1000000))
}

# train FOLDER ARG...: train by two processes.  Each writes its number to a file
# of $dir/pids before it becomes clade.
train()
{
    folder=$1
    shift
    rm -rf "$dir/pids"
    mkdir "$dir/pids"
    # shellcheck disable=SC2016,SC2086 # $$ is the process's; one word an option
    timeout -k 10 600 "$MPIRUN" -np 2 sh -c 'echo >"$0/$$"; exec "$@"' \
        "$dir/pids" "$CLADE" train $small --epochs 8 --out "$dir/$folder" "$@" \
        >"$dir/out" 2>&1 </dev/null
}

# pids: the numbers of the processes that have begun.
pids()
{
    (cd "$dir/pids" 2>/dev/null && ls)
}

# lives PID: whether a process lives; one that nobody has waited for does not.
lives()
{
    case $(ps -o stat= -p "$1") in
    '' | Z*) return 1 ;;
    esac
}

# any_lives: whether one of those that have begun still lives.
any_lives()
{
    for pid in $(pids); do
        ! lives "$pid" || return 0
    done
    return 1
}

# end_launcher: Open MPI 4.1.4 can wait for a lock of its own for ever
# (PMIx_server_finalize) if a process is killed while it starts.
end_launcher()
{
    echo "# all processes have ended, but not $MPIRUN: killed"
    pkill -9 -P "$(pgrep -P "$training" | head -n 1)"
}

# start FOLDER: let `train` begin, as process $training, and wait for both.
start()
{
    rm -rf "$dir/pids"
    train "$1" &
    training=$!
    while [ "$(pids | wc -l)" -lt 2 ] && kill -0 "$training" 2>/dev/null; do
        sleep 0.05
    done
}

# kill_one FOLDER MS: train, and after MS ms kill one of two; returns whether
# both end soon, with the launcher's exit code in $code.
kill_one()
{
    start "$1"
    sleep "$(($2 / 1000)).$(printf %03d $(($2 % 1000)))"
    draw 2
    victim=$(pids | sed -n "$((drawn + 1))p")
    kill -9 "$victim" 2>/dev/null
    began=$(now)
    while any_lives && [ $(($(now) - began)) -le 10000 ]; do
        sleep 0.1
    done
    took=$(($(now) - began))
    while lives "$training" && [ $(($(now) - began)) -le 20000 ]; do
        sleep 0.1
    done
    ! lives "$training" || end_launcher
    wait "$training"
    code=$?
    [ "$code" -ne 0 ] && [ "$took" -le 10000 ]
}

echo "1..$((1 + 2 * kills))"
echo "# SEED=$seed"
train warm --epochs 1 # compiles what all others find
start whole
began=$(now)
wait "$training"
report $? 'an undisturbed run' "$dir/out"
whole=$(($(now) - began))
round=1
while [ "$round" -le "$kills" ]; do
    run=run-$round
    draw "$whole"
    moment=$drawn
    kill_one "$run" "$moment"
    status=$?
    if [ "$code" -eq 0 ] && [ "$moment" -gt 0 ]; then
        echo "# the run ended before its $moment ms: once more"
        rm -rf "${dir:?}/$run"
        whole=$((whole * 9 / 10))
        continue
    fi
    report "$status" \
        "killed after $moment ms of $whole: all end, code $code after $took ms" \
        "$dir/out"
    how=
    if [ -f "$dir/$run/checkpoint.safetensors" ]; then
        how=--resume
    fi
    # shellcheck disable=SC2086 # there may be none
    train "$run" $how &&
        diff -r "$dir/whole" "$dir/$run" >>"$dir/out" 2>&1
    report $? "${how:-begun again}: the same files, byte for byte" "$dir/out"
    rm -rf "${dir:?}/$run"
    round=$((round + 1))
done
