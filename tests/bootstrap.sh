#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bootstrap must tell a GPU that is usable from one that lacks a driver or an
# access right; it must install, configure and choose folders as is right.  Each
# test makes the files of a machine: a PCI bus, device nodes, ICD files of
# drivers.
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
unset OCL_ICD_VENDORS RUSTICL_ENABLE CLADE_DEVICE CLADE_TEST_DEVICE
number=0
as=

# gpu ROOT VENDOR CLASS: put a PCI device with a render node on the bus.
gpu()
{
    pci=$1/sys/bus/pci/devices/0000:00:02.0
    mkdir -p "$pci/drm/renderD128" "$1/dev/dri" "$1/etc/OpenCL/vendors"
    echo "$2" >"$pci/vendor"
    echo "$3" >"$pci/class"
    : >"$1/dev/dri/renderD128"
}

# judge GOT STATUS TEXT WHY: one test; the exit code GOT must be STATUS, and
# $said must have TEXT in it.
judge()
{
    number=$((number + 1))
    if [ "$1" -eq "$2" ] && echo "$said" | grep -qF -- "$3"; then
        echo "ok $number - $4"
    else
        echo "not ok $number - $4"
        echo "$said" | sed 's/^/# /'
        echo "# exit code $1, wanted $2 and: $3"
    fi
}

# expect STATUS TEXT ROOT WHY: one test of what `bootstrap gpu` says about the
# machine in ROOT.
expect()
{
    # shellcheck disable=SC2086 # a command and its options
    said=$(CLADE_SYSTEM_ROOT=$3 $as "$SRCDIR/bootstrap" gpu 2>&1)
    judge $? "$1" "$2" "$4"
}

echo 1..26
mkdir "$here/none"
expect 0 '0 on the PCI bus' "$here/none" 'a machine without a GPU'

gpu "$here/server" 0x1a03 0x030000
expect 0 '0 on the PCI bus' "$here/server" \
    'a display adapter that does not compute is no GPU'
gpu "$here/disk" 0x8086 0x010802
expect 0 '0 on the PCI bus' "$here/disk" 'an Intel disk is no GPU'

gpu "$here/intel" 0x8086 0x030000
expect 4 intel-opencl-icd "$here/intel" 'Intel without a driver'
echo libigdrcl.so >"$here/intel/etc/OpenCL/vendors/intel.icd"
expect 0 '1 usable' "$here/intel" 'Intel with its driver'
rm "$here/intel/dev/dri/renderD128"
expect 4 'a device file in /dev' "$here/intel" 'a driver, but no device node'
: >"$here/intel/dev/nvidiactl"
expect 4 'a device file in /dev' "$here/intel" \
    "NVIDIA's device node does not help Intel"
rm "$here/intel/dev/nvidiactl"

gpu "$here/amd" 0x1002 0x038000
expect 4 mesa-opencl-icd "$here/amd" 'AMD without a driver'
echo libRusticlOpenCL.so.1 >"$here/amd/etc/OpenCL/vendors/rusticl.icd"
expect 4 RUSTICL_ENABLE "$here/amd" 'rusticl must be told about the GPU'

gpu "$here/nvidia" 0x10de 0x030200
expect 4 nvidia-opencl-icd "$here/nvidia" 'NVIDIA without a driver'
gpu "$here/pocl" 0x10de 0x030200
echo libpocl.so.2 >"$here/pocl/etc/OpenCL/vendors/pocl.icd"
expect 4 nvidia-opencl-icd "$here/pocl" "another device's driver does not help"

echo libnvidia-opencl.so.1 >"$here/nvidia/etc/OpenCL/vendors/nvidia.icd"
expect 4 '/dev/nvidia' "$here/nvidia" \
    'NVIDIA with its driver, but no device node'

# A source tree where nothing is built, on a system that cannot install PoCL.
mkdir "$here/tree" "$here/bin"
cp "$SRCDIR/bootstrap" "$here/tree"
cat >"$here/bin/dpkg-query" <<'END'
#!/bin/sh
case $* in *pocl*) exit 1 ;; esac
echo 'install ok installed'
END
cat >"$here/bin/apt-get" <<'END'
#!/bin/sh
exit 100
END
cat >"$here/bin/sudo" <<'END'
#!/bin/sh
exec "$@"
END
cat >"$here/bin/make" <<'END'
#!/bin/sh
echo "make $*"
END
cp "$here/bin/make" "$here/tree/configure"
chmod +x "$here/bin"/* "$here/tree/configure"

# builds STATUS TEXT ROOT WHY [ARG...]: one test of what `bootstrap $verb
# ARG...` says on the machine in ROOT.
verb=check
builds()
{
    wanted=$1 text=$2 machine=$3 why=$4
    shift 4
    said=$(PATH=$here/bin:$PATH CLADE_SYSTEM_ROOT=$machine \
        "$here/tree/bootstrap" "$verb" "$@" 2>&1)
    judge $? "$wanted" "$text" "$why"
}

pocl='installing: pocl-opencl-icd'
builds 100 "$pocl" "$here/none" 'without any driver, PoCL is installed'
mkdir -p "$here/idle/etc/OpenCL/vendors"
echo libRusticlOpenCL.so.1 >"$here/idle/etc/OpenCL/vendors/rusticl.icd"
builds 100 "$pocl" "$here/idle" 'with drivers for GPUs only, PoCL is installed'
echo libpocl.so.2 >"$here/idle/etc/OpenCL/vendors/pocl.icd"
builds 0 'make check' "$here/idle" 'PoCL is not installed again'
builds 4 'name a device' "$here/pocl" 'the CPU does not replace an unusable GPU'
builds 0 'make check CLADE_TEST_DEVICE=cpu' "$here/pocl" \
    'unless the arguments of make name it' CLADE_TEST_DEVICE=cpu

# ---- configure, again ------------------------------------------------------

info=$here/idle/var/lib/dpkg/info
mkdir -p "$info"
printf '#!/bin/sh\necho "config.status $*"\n' >"$here/tree/config.status"
chmod +x "$here/tree/config.status"
touch -d '2020-01-02' "$here/tree/config.status"
touch -d '2020-01-01' "$info/libclblast-dev:amd64.list" "$info/gcc.list"
builds 0 'make -j' "$here/idle" 'if configure has run, make is next'
echo "$said" | grep -q config.status
judge $? 1 'make -j' 'and configure is not run again'
touch -d '2020-01-03' "$info/libclblast-dev:amd64.list"
builds 0 'config.status --recheck' "$here/idle" \
    'unless a package was installed since'

# ---- runs --------------------------------------------------------------------

printf '#!/bin/sh\necho "clade $*"\n' >"$here/tree/clade"
chmod +x "$here/tree/clade"
verb=train
builds 3 'no run to resume' "$here/idle" 'there is no run yet' --resume
mkdir "$here/tree/clade-run" "$here/tree/clade-run-2" "$here/tree/clade-run-3"
touch -d '2020-01-02' "$here/tree/clade-run-2/checkpoint.safetensors"
touch -d '2020-01-01' "$here/tree/clade-run/checkpoint.safetensors"
builds 0 '--resume --out clade-run-2' "$here/idle" \
    'the run that wrote the last checkpoint is resumed' --resume
builds 0 '--out clade-run-4' "$here/idle" 'a new run gets a new folder'
verb=check

# ---- without root's rights ---------------------------------------------------

# A PATH with no sudo, where nobody is root.
mkdir "$here/poor"
for tool in sh cat dirname grep tr; do
    ln -s "$(command -v "$tool")" "$here/poor/$tool"
done
cp "$here/bin/apt-get" "$here/poor"
printf '#!/bin/sh\nexit 1\n' >"$here/poor/dpkg-query"
printf '#!/bin/sh\necho 1000\n' >"$here/poor/id"
chmod +x "$here/poor/dpkg-query" "$here/poor/id"
said=$(PATH=$here/poor "$here/tree/bootstrap" 2>&1)
judge $? 1 'apt-get update && apt-get install -y --no-install-recommends auto' \
    'without root and sudo, it prints the line that installs the packages'

# root has all access rights, so these run as nobody.
mv "$here/intel" "$here/shut"
: >"$here/shut/dev/dri/renderD128"
: >"$here/nvidia/dev/nvidiactl"
chmod 666 "$here/nvidia/dev/nvidiactl"
chmod 0 "$here/shut/dev/dri/renderD128" "$here/nvidia/dev/dri/renderD128"
chmod 755 "$here"
[ "$(id -u)" -ne 0 ] || as='setpriv --reuid=65534 --clear-groups'
if $as test -x "$SRCDIR/bootstrap" 2>/dev/null; then
    expect 4 'usermod -aG' "$here/shut" \
        'a driver, but no right to use the device node'
    expect 0 '1 usable' "$here/nvidia" 'NVIDIA does not need the render node'
else
    for number in 25 26; do
        echo "ok $number # SKIP root has every right, and nobody cannot run it"
    done
fi
