#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Three processes train together on two hosts: network namespaces with names of
# their own, joined by a cable.  This needs root, iproute2 and util-linux.
# shellcheck source=tests/launched.sh
. "$SRCDIR/tests/launched.sh"

one=clade$$a two=clade$$b net=10.9.137

# make_hosts: returns whether this machine can have them.
make_hosts()
{
    ip netns add "$one" && ip netns add "$two" &&
        ip link add v1 netns "$one" type veth peer name v2 netns "$two" &&
        ip -n "$one" addr add "$net.1/24" dev v1 &&
        ip -n "$two" addr add "$net.2/24" dev v2 &&
        ip -n "$one" link set v1 up && ip -n "$two" link set v2 up &&
        ip -n "$one" link set lo up && ip -n "$two" link set lo up
}

end()
{
    ip netns del "$one"
    ip netns del "$two"
    rm -rf "$dir"
} 2>/dev/null

trap end EXIT
if ! make_hosts >"$dir/out" 2>&1; then
    echo "1..0 # SKIP no hosts of our own: $(head -n 1 "$dir/out")"
    exit 0
fi

# What a launcher calls in place of ssh: AGENT [OPTION...] HOST COMMAND.
agent=$PWD/$dir/agent
cat >"$agent" <<END
#!/bin/sh
while [ "\${1#-}" != "\$1" ]; do shift; done
shift
exec ip netns exec $two unshare --uts sh -c "hostname second; cd '$PWD'; \$*"
END
chmod +x "$agent"
if "$MPIRUN" --version | grep -q 'OpenRTE\|Open MPI'; then
    printf '%s slots=2\n%s slots=1\n' "$net.1" "$net.2" >"$dir/hosts"
    manner="--hostfile $dir/hosts --mca plm_rsh_agent $agent
        --mca oob_tcp_if_include $net.0/24 --mca btl_tcp_if_include $net.0/24"
    # The agent hands on no environment but what it is told.
    for name in HOME XDG_CACHE_HOME POCL_CACHE_DIR OCL_ICD_VENDORS \
        LD_LIBRARY_PATH; do
        manner="$manner -x $name"
    done
else
    printf '%s:2\n%s:1\n' "$net.1" "$net.2" >"$dir/hosts"
    manner="-f $dir/hosts -iface v1 -launcher ssh -launcher-exec $agent"
fi

# train FOLDER ARG...: train by two processes on the first host, and one on the
# second.
train()
{
    folder=$1
    shift
    # shellcheck disable=SC2016,SC2086 # $0 is sh's; one word an option
    timeout -k 10 600 ip netns exec "$one" unshare --uts \
        sh -c 'hostname first; exec "$0" "$@"' "$MPIRUN" $manner -np 3 \
        "$CLADE" train --train-count 6 --test-count 3 --batch 6 --epochs 1 \
        --no-self-test --out "$dir/$folder" "$@" >"$dir/out" 2>&1 </dev/null
}

train three --device "$device"
report $? 'three processes on two hosts train' "$dir/out"
grep -q '^rank 1 on first: device' "$dir/out" &&
    grep -q '^rank 2 on second: device' "$dir/out"
report $? 'and say where they are' "$dir/out"
"$CLADE" train --device "$device" --train-count 6 --test-count 3 --batch 6 \
    --epochs 1 --accumulate 3 --no-self-test --quiet --out "$dir/alone" \
    >"$dir/out" 2>&1 && diff -r "$dir/three" "$dir/alone" >"$dir/out" 2>&1
report $? 'one process in three shares: the same files' "$dir/out"
if has_device; then
    train listed --device "$device,cpu" &&
        grep -q 'rank 1 on first: .*reference' "$dir/out" &&
        ! grep -q 'rank 2 on second: .*reference' "$dir/out"
    report $? 'a list of devices begins anew on each host' "$dir/out"
fi
train speed --device "$device" --shares auto &&
    grep -q 'clade: shares [123],[123],[123], by the ms' "$dir/out"
report $? 'shares are cut by the speed on both' "$dir/out"
echo "1..$number"
