#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Compile the kernels for GPUs that this machine does not have.  Every program
# that a GPU would run must compile, and only the kernels in $cold may need
# scratch memory.  The figures of each kernel go to tests/targets.md;
# doc/targets.md says how to read them.  What CPUs would run, a GPU never gets;
# it must be valid SPIR-V.
#
# tests/programs lists the programs.  The environment may name the compilers:
# CLANG, LIBCLC (its folder, for the version of CLANG), PTXAS, OCLOC,
# LLVM_SPIRV and SPIRV_VAL.  The defaults are those of Debian 12.
set -u
CLANG=${CLANG:-clang-15} LIBCLC=${LIBCLC:-/usr/lib/clc}
PTXAS=${PTXAS:-ptxas} OCLOC=${OCLOC:-ocloc}
LLVM_SPIRV=${LLVM_SPIRV:-llvm-spirv-15} SPIRV_VAL=${SPIRV_VAL:-spirv-val}

# The limits of one unit (AMD's CU, NVIDIA's SM, Intel's subslice): waves
# (warps, threads), work-items in a wave (0: the compiler chooses), groups, KiB
# of local memory.
targets='
gfx906   amd     40  64   40   64
gfx90a   amd     32  64   32   64
gfx1030  amd     32  32   32   64
sm_61    nvidia  64  32   32   96
sm_75    nvidia  32  32   16   64
sm_86    nvidia  48  32   16  100
sm_90    nvidia  64  32   32  228
skl      intel   56   0   56   64
tgllp    intel  112   0  112  128
spirv    spirv    -   -    -    -
'

# These may use scratch memory, because they rarely run on a GPU: if they are
# asked for, or once, when the device is opened.  All others run in every step,
# or measure the device's peaks.
cold='conv_direct conv_direct_filter probe_flag probe_fma probe_sum'

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
list=$dir/list
figures=$dir/figures
number=0

# result ok|'not ok' NAME [FILE]: the line of one test; for a failure also the
# text in FILE.
result()
{
    number=$((number + 1))
    echo "$1 $number - $2"
    if [ "$1" != ok ] && [ -n "${3-}" ]; then
        head -n 30 "$3" | sed 's/^/# /'
    fi
}

have()
{
    command -v "$1" >"$dir/found" 2>&1
}

# ---- for each kind of target: what is missing, and how to compile -----------
#
# lacks_KIND TARGET prints which tools are missing.
#
# compile_KIND TARGET FILE OPTIONS writes a line for each kernel to $dir/out:
#     name registers scratch static-local waves work-items-in-a-wave
# scratch is in bytes for each work-item.  waves is how many fit into a unit's
# registers; "-" means all.

clang_lacks()
{
    have "$CLANG" || echo "no $CLANG"
}

# clang_to TRIPLE FILE OPTION...
clang_to()
{
    triple=$1 source=$2
    shift 2
    "$CLANG" -x cl -target "$triple" -nogpulib -Xclang \
        -finclude-default-header "$@" "$source"
}

# with_library TRIPLE LIBRARY FILE OPTION...: compile with the built-in
# functions linked in, because calls would hide the registers that they need.
with_library()
{
    triple=$1 library=$LIBCLC/$2 source=$3
    shift 3
    clang_to "$triple" "$source" -O3 -S -Wno-linker-warnings \
        -Xclang -mlink-builtin-bitcode -Xclang "$library" "$@"
}

lacks_amd()
{
    clang_lacks
    [ -f "$LIBCLC/amdgcn--amdhsa.bc" ] ||
        echo "no amdgcn--amdhsa.bc in $LIBCLC (libclc-15)"
}

compile_amd()
{
    # shellcheck disable=SC2086 # one word an option
    with_library amdgcn-amd-amdhsa amdgcn--amdhsa.bc "$2" -mcpu="$1" $3 \
        -o "$dir/asm" || return 1
    # Look for functions that are called but not defined, as no linker does it.
    awk '
        /^[A-Za-z_.$][^ \t]*:/ { sub(/:.*/, ""); defined[$0] = 1 }
        match($0, /[^ \t,]+@(rel32|gotpcrel32)@lo/) {
            name = substr($0, RSTART, RLENGTH)
            sub(/@.*/, "", name)
            used[name] = 1
        }
        END {
            for (name in used)
                if (!(name in defined)) {
                    print "error: " name " is nowhere defined"
                    status = 1
                }
            exit status
        }' "$dir/asm" || return 1
    # The compiler counts waves for each SIMD; a CU has four (gfx1030: two).
    awk -v simds="$([ "$1" = gfx1030 ] && echo 2 || echo 4)" '
        $1 == ".amdhsa_kernel" { name = $2 }
        /^; (Total)?NumVgprs:/ { registers = $3 }
        /^; ScratchSize:/ { scratch = $3 }
        /^; LDSByteSize:/ { static = $3 }
        /^; Occupancy:/ {
            print name, registers, scratch, static, $3 * simds, "-"
        }' "$dir/asm" >"$dir/out"
}

lacks_nvidia()
{
    clang_lacks
    [ -f "$LIBCLC/nvptx64--nvidiacl.bc" ] ||
        echo "no nvptx64--nvidiacl.bc in $LIBCLC (libclc-15)"
    if ! have "$PTXAS"; then
        echo "no $PTXAS"
    elif ! "$PTXAS" --help | grep -q "'$1'"; then
        echo "$PTXAS does not know $1"
    fi
}

compile_nvidia()
{
    # clang 15 knows no GPU after sm_86; later ones get the code for sm_86.
    newest=$([ "$1" = sm_90 ] && echo sm_86 || echo "$1")
    # shellcheck disable=SC2086 # one word an option
    with_library nvptx64-nvidia-nvcl nvptx64--nvidiacl.bc "$2" \
        -Xclang -target-cpu -Xclang "$newest" $3 -o "$dir/ptx" || return 1
    if ! "$PTXAS" -v -arch="$1" "$dir/ptx" -o "$dir/cubin" \
        >"$dir/said" 2>&1; then
        cat "$dir/said"
        return 1
    fi
    # An SM has 65536 registers.  A warp gets a multiple of 256; the number of
    # warps is a multiple of 4.
    awk '
        /Compiling entry function/ { split($0, part, "\047"); name = part[2] }
        /Function properties for/ { own = $NF == name }
        /bytes stack frame/ && own { scratch = $1 }
        / Used [0-9]+ registers/ {
            static = 0
            for (i = 1; i < NF; i++) {
                if ($i == "Used")
                    registers = $(i + 1)
                if ($i == "bytes" && $(i + 1) ~ /^smem/)
                    static = $(i - 1)
                if ($i == "bytes" && $(i + 1) == "cumulative")
                    scratch = $(i - 1)
            }
            waves = int(65536 / (int((registers * 32 + 255) / 256) * 256))
            print name, registers, scratch, static, waves - waves % 4, "-"
        }' "$dir/said" >"$dir/out"
}

lacks_intel()
{
    have "$OCLOC" || echo "no $OCLOC (intel-opencl-icd)"
    have readelf || echo 'no readelf (binutils)'
}

compile_intel()
{
    rm -rf "$dir/intel"
    "$OCLOC" compile -device "$1" -file "$2" -options "$3" --format zebin \
        -out_dir "$dir/intel" || return 1
    # Intel counts scratch for a thread, that is for all its work-items.
    readelf -p .ze_info "$dir"/intel/*.bin | sed 's/\\n$//' | awk '
        function kernel()
        {
            if (name != "")
                print name, registers, scratch / simd, static, "-", simd
            name = ""
        }
        $1 == "kernels_misc_info:" { kernel(); exit }
        $1 == "-" && $2 == "name:" {
            kernel()
            name = $3
            scratch = static = buffer = 0
        }
        $1 == "grf_count:" { registers = $2 }
        $1 == "simd_size:" { simd = $2 }
        $1 == "slm_size:" { static = $2 }
        $1 == "per_thread_memory_buffers:" { buffer = 1 }
        $1 == "size:" && buffer { scratch += $2 }' >"$dir/out"
}

lacks_spirv()
{
    clang_lacks
    have "$LLVM_SPIRV" || echo "no $LLVM_SPIRV"
    have "$SPIRV_VAL" || echo "no $SPIRV_VAL (spirv-tools)"
}

# Do not optimise: the optimiser makes instructions that SPIR-V does not have.
compile_spirv()
{
    : >"$dir/out"
    # shellcheck disable=SC2086 # one word an option
    clang_to spir64 "$2" -O0 $3 -emit-llvm -c -o "$dir/bc" &&
        "$LLVM_SPIRV" --spirv-max-version=1.0 "$dir/bc" -o "$dir/spv" &&
        "$SPIRV_VAL" --target-env opencl1.2 "$dir/spv"
}

# ---- the tests ---------------------------------------------------------------

# A kernel that needs more registers than any target has: the test must see its
# scratch memory.
control()
{
    cat <<'END'
kernel void control(global float *restrict y, global const float *restrict x)
{
    float kept[512];

    for (int i = 0; i < 512; i++)
        kept[i] = x[i * 64 + get_global_id(0)];
    for (int i = 0; i < 512; i++)
        y[i * 64 + get_global_id(0)] = kept[(i * get_global_id(0)) % 512];
}
END
}

test_control()
{
    control >"$dir/control.cl"
    : >"$dir/out"
    "compile_$2" "$1" "$dir/control.cl" -cl-std=CL1.2 >"$dir/log" 2>&1
    if awk '$1 == "control" && $3 >= 2048 { n++ } END { exit n != 1 }' \
        "$dir/out"; then
        result ok "$1: the scratch memory of a control is seen"
    else
        result 'not ok' "$1: the scratch memory of a control is seen" \
            "$dir/log"
    fi
}

# judge TARGET LIMITS FILE OPTIONS: for each kernel of a program append a line
# to $figures:
#     kernel, options, group, local, target, registers, scratch, occupancy
# Print a line for each kernel that is wrong.
judge()
{
    awk -F '\t' -v file="$3" -v options="$4" -v target="$1" -v limits="$2" \
        -v cold=" $cold " -v out="$dir/out" -v figures="$figures" '
        function least(a, b) { return a < b ? a : b }
        BEGIN {
            split(limits, most, " ") # waves, items, groups, KiB
            while ((getline line < out) > 0) {
                split(line, f, " ")
                got[f[1]] = line
            }
        }
        $1 != file || $5 != options { next }
        !($2 in got) { print $2 ": the compiler gives no figures"; next }
        {
            split(got[$2], f, " ")
            wave = f[6] == "-" ? most[2] : f[6]
            of_group = int(($3 + wave - 1) / wave)
            waves = f[5] == "-" ? most[1] : least(f[5], most[1])
            groups = least(int(waves / of_group), most[3])
            bytes = $4 + f[4]
            if (bytes > 0)
                groups = least(groups, int(most[4] * 1024 / bytes))
            registers = f[6] == "-" ? f[2] : "SIMD" wave
            print $2 "\t" options "\t" $3 "\t" bytes "\t" target "\t" \
                registers "\t" f[3] "\t" 100 * groups * of_group / most[1] \
                >>figures
            if (f[3] > 0 && !index(cold, " " $2 " "))
                print $2 ": " f[3] " bytes of scratch memory a work-item"
        }' "$list"
}

# source_of FILE: print a program's source, as src/opencl puts it together.
source_of()
{
    cat "$SRCDIR/cl/prelude.cl"
    sed -n 's,^#include "\(cl/.*\)\.inc"$,\1.cl,p' \
        "$(grep -l "{ \"$1\", source }" "$SRCDIR"/src/opencl/*.c)" |
        while read -r part; do
            cat "$SRCDIR/$part"
        done
}

# test_program TARGET KIND LIMITS FILE OPTIONS: compile a program and judge it.
test_program()
{
    name="$1: $4${5#"$usual"}"
    source_of "$4" >"$dir/$4"
    rm -f "$dir/out"
    if ! "compile_$2" "$1" "$dir/$4" "$5" >"$dir/log" 2>&1; then
        result 'not ok' "$name compiles" "$dir/log"
    elif [ "$2" = spirv ]; then
        result ok "$name is valid SPIR-V"
    else
        judge "$1" "$3" "$4" "$5" >"$dir/wrong"
        if [ -s "$dir/wrong" ]; then
            result 'not ok' "$name compiles, and no hot kernel spills" \
                "$dir/wrong"
        else
            result ok "$name compiles, and no hot kernel spills"
        fi
    fi
}

test_target()
{
    missing=$("lacks_$2" "$1" | paste -s -d ';' -)
    if [ -n "$missing" ]; then
        result ok "$1 # SKIP $missing"
        return
    fi
    programs=$dir/portable
    if [ "$2" != spirv ]; then
        programs=$dir/programs
        test_control "$1" "$2"
    fi
    while read -r file options; do
        # src/opencl/implicit.c offers Intel's GPUs only the tiles of 32 sums
        case $2$options in
        intel*SUMS_N=8*) continue ;;
        esac
        test_program "$1" "$2" "$3" "$file" "$options"
    done <"$programs"
}

# ---- the table ---------------------------------------------------------------

# A row for each kernel with its options, a column for each target.
table()
{
    awk -F '\t' -v usual="$usual" '
        !($5 in column) { column[$5] = ++columns; head[columns] = $5 }
        !(($1, $2) in row) {
            row[$1, $2] = ++rows
            options = substr($2, length(usual) + 2)
            gsub("-D ", "", options)
            name[rows] = $1 " | " options
            size[rows] = $3 " | " $4
        }
        {
            cell[row[$1, $2], column[$5]] = $6 ", " int($8 + 0.5) " %" \
                ($7 > 0 ? ", **" $7 " B**" : "")
        }
        END {
            line = "| kernel | options | group | local |"
            rule = "|---|---|--:|--:|"
            for (c = 1; c <= columns; c++) {
                line = line " " head[c] " |"
                rule = rule "---|"
            }
            print line
            print rule
            for (r = 1; r <= rows; r++) {
                line = "| " name[r] " | " size[r] " |"
                for (c = 1; c <= columns; c++)
                    line = line " " ((r, c) in cell ? cell[r, c] : "-") " |"
                print line
            }
        }' "$figures"
}

tests/programs >"$list" 2>"$dir/log"
case $? in
0) ;;
77)
    echo "1..0 # SKIP $(head -n 1 "$dir/log")"
    exit 0
    ;;
*)
    echo "Bail out! $(head -n 1 "$dir/log")"
    exit 1
    ;;
esac
tests/programs cpu >"$dir/cpu" || exit 1
cut -f 1,5 "$list" | sort -u >"$dir/programs"
cut -f 1,5 "$list" "$dir/cpu" | sort -u >"$dir/portable"
# Names and table leave out the options that all programs have.
usual=$(cut -f 5 "$list" | awk '
    NR == 1 { usual = $0 }
    {
        while (usual != "" && index($0 " ", usual " ") != 1)
            if (!sub(/ [^ ]*$/, "", usual))
                usual = ""
    }
    END { print usual }')
: >"$figures"
while read -r target kind limits; do
    [ -z "$target" ] || test_target "$target" "$kind" "$limits"
done <<END
$targets
END
table >tests/targets.md
echo "1..$number"
