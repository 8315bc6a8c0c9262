#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Type the beginnings of words into bash and zsh on a terminal, with the scripts
# that `clade completion` prints, and see what command they make of them; and ask
# fish.
# shellcheck source=tests/tap.sh
. "$SRCDIR/tests/tap.sh"
dir=$(mktemp -d "$PWD/completion-test-XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
tab=$(printf '\t')
HOME=$dir
export HOME
mkdir "$dir/bin" "$dir/folder" "$dir/zsh"
: >"$dir/file.txt"
# What is completed is this script, which writes down its arguments.  It knows
# one more device.
cat >"$dir/bin/clade" <<END
#!/bin/sh
if [ "\$1" = devices ]; then
    "$CLADE" devices && echo 'opencl:77:3  none'
else
    { printf '<%s>' "\$@" && echo; } >>"$dir/got"
fi
END
chmod +x "$dir/bin/clade"
PATH=$dir/bin:$PATH

# What is typed, where ~ is the tab key, and the command that it must give.
cat >"$dir/lines" <<'END'
clade tr~--ep~3 --re~ <train><--epochs><3><--resume>
clade train --device cpu6~--out fo~ <train><--device><cpu64><--out><folder/>
clade train --device opencl:77:~--epochs 3 --bat~4 <train><--device><opencl:77:3><--epochs><3><--batch><4>
clade verify --su~st~--html fi~ <verify><--suite><step><--html><file.txt>
clade bench --mode=inf~ <bench><--mode=infer>
clade help exi~ <help><exit-codes>
clade completion ba~ <completion><bash>
clade eval --checkpoint=fi~ <eval><--checkpoint=file.txt>
END

report()
{
    tap_line "$1" "$2" || printf 'got %s\n' "$got" | sed 's/^/# /'
}

# wait_for N: wait until N commands have been written down.
wait_for()
{
    tries=0
    until [ "$(wc -l <"$dir/got")" -ge "$1" ] || [ $tries -gt 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

# One shell writes --out=folder, another one --out folder/.
same()
{
    sed 's/<\(--[a-z-]*\)=/<\1></g; s,/>,>,g'
}

# Type all lines; each command must have run before the next one is typed.
type_lines()
{
    n=1
    wait_for 1
    while read -r line; do
        n=$((n + 1))
        printf '%s\n' "${line% <*}" | sed "s/~/$tab/g"
        wait_for $n
    done <"$dir/lines"
    echo exit
}

# types SHELL COMMAND: a test a line.  The first command is the shell's own, when
# it is ready.
types()
{
    : >"$dir/got"
    type_lines | (cd "$dir" && TERM=xterm script -q -c "$2" "$dir/screen") \
        >"$dir/out" 2>&1
    n=1
    while read -r line; do
        n=$((n + 1))
        got=$(sed -n "${n}p" "$dir/got" | same)
        [ "$got" = "$(echo "${line##* }" | same)" ]
        report $? "$1 completes ${line% <*}"
    done <"$dir/lines"
}

# answers WORD LINE: one test; among fish's completions of LINE must be WORD.
answers()
{
    got=$(cd "$dir" && XDG_CONFIG_HOME=$dir/fish fish -c \
        "source '$dir/clade.fish'; complete -C'$2'" 2>&1 | cut -f 1)
    echo "$got" | grep -qxF -e "$1"
    report $? "fish completes $2 to $1"
}

# skip SHELL WHY
skip()
{
    number=$((number + 1))
    echo "ok $number # SKIP $1: $2"
}

for shell in bash zsh fish; do
    "$CLADE" completion $shell >"$dir/clade.$shell" &&
        head -n 2 "$dir/clade.$shell" | grep -q "clade completion $shell"
    report $? "clade completion $shell prints a script"
done
for shell in '' tcsh; do
    got=$("$CLADE" completion $shell 2>&1)
    [ $? -eq 2 ] && echo "$got" | grep -q 'there are bash, zsh and fish'
    report $? "clade completion $shell names the shells that there are"
done
echo ". '$dir/clade.bash'; clade ready" >"$dir/bashrc"
cp "$dir/clade.zsh" "$dir/zsh/_clade"
cat >"$dir/zsh/.zshrc" <<END
fpath=('$dir/zsh' \$fpath)
autoload -U compinit && compinit -D -u
clade ready
END

for shell in bash zsh; do
    case $shell in
    bash) command="bash --noprofile --rcfile '$dir/bashrc' -i" ;;
    zsh) command="env ZDOTDIR='$dir/zsh' zsh -d -i" ;;
    esac
    if ! script -V >"$dir/out" 2>&1; then
        skip $shell 'no script(1) of util-linux'
    elif command -v $shell >/dev/null; then
        types $shell "$command"
    else
        skip $shell 'not installed'
    fi
done
if command -v fish >/dev/null; then
    answers train 'clade tr'
    answers --epochs 'clade train --ep'
    answers cpu64 'clade train --device cpu'
    answers opencl:77:3 'clade train --device opencl:7'
    answers step 'clade verify --suite '
    answers --mode=infer 'clade bench --mode=in'
    answers exit-codes 'clade help exi'
    answers folder/ 'clade train --out fo'
    answers file.txt 'clade verify --html fi'
else
    skip fish 'not installed'
fi
echo "1..$number"
