#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# clade fetch: archives from servers on loopback that are good, slow or broken,
# archives that would do harm, and what is there already.
# shellcheck source=tests/command.sh
. "$SRCDIR/tests/command.sh"
unset http_proxy https_proxy all_proxy no_proxy \
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
servers=
# shellcheck disable=SC2086,SC2154 # one word a process; set at the exit
trap 'status=$?; [ -z "$servers" ] || kill $servers; rm -rf "$dir"; exit $status' EXIT

if ! command -v python3 >"$dir/out"; then
    echo '1..0 # SKIP there is no python3 to serve archives'
    exit 0
fi
"$CLADE" fetch cifar10 "$dir/none" --url file:no/such/file 2>"$dir/err"
if grep -q 'without libarchive' "$dir/err"; then
    echo '1..0 # SKIP clade was built without libarchive'
    exit 0
fi
mkdir "$dir/served"
served=$PWD/$dir/served
python3 "$SRCDIR/tests/archives.py" "$served" || exit 1

# sha256 NAME: the SHA-256 of an archive.
sha256()
{
    sha256sum <"$served/$1" | cut -d ' ' -f 1
}

good=$(sha256 good.tar.gz)
size=$(wc -c <"$served/good.tar.gz")
name=cifar-10-batches-bin
to=$dir/to
part=$to/cifar-10-binary.tar.gz.part
log=$dir/log

# serve [CERTIFICATE KEY]: start a server, and set port.
serve()
{
    : >"$dir/port"
    python3 "$SRCDIR/tests/serve.py" "$served" "$log" "$@" >"$dir/port" &
    servers="$servers $!"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        port=$(cat "$dir/port")
        [ -z "$port" ] || return 0
        sleep 0.5
    done
    echo 'Bail out! the server does not start'
    exit 1
}

# fetches URL [OPTION...]: fetch into $to what should be good.tar.gz.
fetches()
{
    url=$1
    shift
    : >"$log"
    ends "$code" fetch cifar10 "$to" --url "$url" --sha256 "$good" "$@"
}

# whole: succeed if the folder has the files of good.tar.gz, and nothing else
# is left.
whole()
{
    [ "$(ls "$to")" = "$name" ] && [ -f "$to/$name/SHA256SUMS" ] &&
        diff -r -x SHA256SUMS "$served/$name" "$to/$name" >"$dir/differs"
}

# gets WHY URL [OPTION...]: one test; the archive must be fetched and unpacked.
gets()
{
    why=$1 code=0
    shift
    fetches "$@" && [ "$(cat "$dir/out")" = "$to/$name" ] && whole
    report $? "$why"
}

# loses CODE WHY TEXT URL [OPTION...]: one test; nothing may be unpacked, and
# stderr must have TEXT.
loses()
{
    code=$1 why=$2 text=$3
    shift 3
    fetches "$@" && [ ! -s "$dir/out" ] && [ ! -e "$to/$name" ] &&
        [ ! -e "$to/$name.part" ] && grep -q -e "$text" "$dir/err"
    report $? "$why: exit $code, \"$text\""
}

# ---- usage --------------------------------------------------------------------

fails 2 'clade fetch cifar10' fetch
fails 2 'cifar100 is not known' fetch cifar100
for url in ftp://localhost/x scp://localhost/x good.tar.gz http:x ''; do
    code=2
    fetches "$url" && [ ! -e "$to" ]
    report $? "no archive comes from \"$url\""
done
fails 2 'file of another machine' fetch cifar10 --url file://host/good.tar.gz
fails 2 'is no SHA-256' fetch cifar10 --sha256 123
fails 2 'is no SHA-256' fetch cifar10 --sha256 "${good}0"
fails 3 "Python version.*clade fetch cifar10" fetch cifar10 \
    --url https://localhost/cifar-10-python.tar.gz
fails 3 "Matlab version.*clade fetch cifar10" fetch cifar10 \
    --url file:/tmp/cifar-10-matlab.tar.gz

# ---- files of this machine ------------------------------------------------------

gets 'an archive of this machine' "file:$served/good.tar.gz"
(cd "$to/$name" && sha256sum -c SHA256SUMS) >"$dir/out" 2>"$dir/err" &&
    [ "$(grep -c ': OK$' "$dir/out")" = 8 ]
report $? 'sha256sum -c checks the files'
gets 'what is there is not fetched again' "file:no/such/file" &&
    grep -q 'nothing to fetch' "$dir/err"
printf x >>"$to/$name/data_batch_4.bin"
gets 'a damaged folder is replaced' "file:$dir/served/good.tar.gz"
rm "$to/$name/test_batch.bin"
gets 'and one that lacks a file' "file://localhost$served/good.tar.gz"
rm -r "${to:?}/$name"
cp -r "$served/$name" "$to"
gets 'and one without SHA256SUMS' "file://$served/%67ood.tar.gz"
echo mine >"$to/$name/notes"
rm "$to/$name/test_batch.bin"
code=2
fetches "file:$served/good.tar.gz" && [ "$(cat "$to/$name/notes")" = mine ] &&
    grep -q "it is not replaced, because notes is in it" "$dir/err"
report $? 'but not one with a file of the user'
rm -r "$to"
mkdir -p "$to" "$dir/mine" && touch "$dir/mine/data_batch_1.bin"
ln -s ../mine "$to/$name"
code=2
fetches "file:$served/good.tar.gz" && [ -L "$to/$name" ] &&
    [ -e "$dir/mine/data_batch_1.bin" ]
report $? 'nor through a link'
mv "$to/$name" "$to/$name.old"
code=1
fetches "file:$served/good.tar.gz" && [ -L "$to/$name.old" ] &&
    [ -e "$dir/mine/data_batch_1.bin" ]
report $? 'nor is anything removed through one'
rm "$to/$name.old"
cp -r "$served/$name" "$to"
for file in "$to/$name"/*.bin; do
    truncate -s 30730000 "$file"
done
ends 0 fetch cifar10 "$to" --url file:no/such/file &&
    grep -q 'as long as it should be' "$dir/err"
report $? 'a whole folder that was unpacked by hand is left as it is'
rm -r "${to:?}/$name"
cp "$served/good.tar.gz" "$to/cifar-10-binary.tar.gz"
code=0
fetches http://127.0.0.1:1/ && [ -f "$to/$name/SHA256SUMS" ] &&
    cmp "$served/good.tar.gz" "$to/cifar-10-binary.tar.gz"
report $? 'an archive that lies beside it is unpacked, and stays'
rm -r "$to"
mkdir -p "$to/$name.part" "$to/$name.old"
touch "$to/$name.part/data_batch_1.bin" \
    "$to/$name.part/data_batch_2.bin.123-0.tmp" "$to/$name.old/SHA256SUMS"
gets 'what a killed process left is removed' "file:$served/good.tar.gz"
rm -r "$to"
loses 3 'a file that is missing' 'No such file' file:no/such/file
loses 3 'another archive' "its SHA-256 is $(sha256 other.tar.gz), not $good" \
    "file:$served/other.tar.gz"
[ ! -e "$to" ]
report $? 'the folder around it is removed, too, if it is new'
touch "$to"
loses 1 'a file in the way' 'Not a directory' "file:$served/good.tar.gz"
rm "$to"

# ---- archives that are wrong ------------------------------------------------------

# refuses NAME TEXT: one test; an archive must be refused with TEXT, although its
# SHA-256 is right.
refuses()
{
    ends 3 fetch cifar10 "$to" --url "file:$served/$1.tar.gz" \
        --sha256 "$(sha256 "$1.tar.gz")" && [ ! -e "$to" ] &&
        [ ! -e "$dir/escaped" ] && [ ! -e "$dir/up" ] &&
        [ ! -e /tmp/clade-escaped ] &&
        grep -q "^clade: .*$1.tar.gz.*$2" "$dir/err"
    report $? "an archive that is wrong ($1): \"$2\""
}

refuses up 'leads out of the folder'
refuses up-first 'leads out of the folder'
refuses up-folder 'leads out of the folder'
refuses absolute 'is an absolute path'
refuses symlink 'is a symbolic link'
refuses through 'is a symbolic link'
refuses hardlink 'is a hard link'
refuses fifo 'neither a file nor a folder'
refuses foreign 'is no file of CIFAR-10'
refuses long 'has 30733073 bytes, above CIFAR-10'
refuses missing 'has no .*data_batch_3.bin'
refuses cut 'damaged: truncated gzip input'
refuses python "CIFAR-10's Python version"

# ---- servers -----------------------------------------------------------------

"$CLADE" fetch cifar10 "$to" --url http://127.0.0.1:1/ 2>"$dir/err"
if grep -q 'without libcurl' "$dir/err"; then
    number=$((number + 1))
    echo "ok $number # SKIP servers: clade was built without libcurl"
    echo "1..$number"
    exit 0
fi
loses 1 'no server' 'is this machine online' http://127.0.0.1:1/good.tar.gz
grep -q '^clade: --url file:FILE' "$dir/err" && [ ! -e "$to" ]
report $? 'and it says what to do without a network, and leaves nothing'
loses 1 'no such host' 'resolve host.*is this machine online' \
    http://no-such-host.invalid/good.tar.gz
loses 3 'certificates that are missing' 'no/such/certificate' \
    http://127.0.0.1:1/ --cacert no/such/certificate

serve
http=http://127.0.0.1:$port
gets 'from a server with ranges' "$http/ranges/good.tar.gz"
gets 'what is there is not asked for' "$http/ranges/good.tar.gz" &&
    [ ! -s "$log" ]
rm -r "$to"
gets 'from a server without ranges' "$http/whole/good.tar.gz"
rm -r "$to"
gets 'from another place of the server' "$http/moved/good.tar.gz"
rm -r "$to"
http_proxy=http://127.0.0.1:$port gets 'by the proxy of the environment' \
    http://example.invalid/ranges/good.tar.gz
grep -q '^http://example.invalid/ranges/good.tar.gz -$' "$log"
report $? 'which was asked'
rm -r "$to"

# stops FROM: leave half of the archive in the part.
stops()
{
    loses 1 'a connection that ends early' 'MB are kept in .*\.part' \
        "$http/cut/good.tar.gz"
    [ "$(wc -c <"$part")" -eq "$((size / 2))" ]
    report $? 'and what came is kept'
}

stops
gets 'the next call resumes, with ranges' "$http/ranges/good.tar.gz"
grep -q "^/ranges/good.tar.gz bytes=$((size / 2))-\$" "$log" &&
    [ "$(wc -l <"$log")" -eq 1 ]
report $? 'by a request for the rest'
rm -r "$to"
stops
gets 'it starts again without ranges' "$http/whole/good.tar.gz"
rm -r "$to"
stops
gets 'and if another range comes' "$http/shifted/good.tar.gz"
rm -r "$to"
mkdir "$to"
head -c 1000 "$served/other.tar.gz" >"$part"
gets 'and if the part is of another archive' "$http/ranges/good.tar.gz"
grep -q 'starting again' "$dir/err"
report $? 'which it says'
rm -r "$to"
mkdir "$to"
cat "$served/good.tar.gz" "$served/good.tar.gz" >"$part"
gets 'and if the part is too long' "$http/ranges/good.tar.gz"
rm -r "$to"
mkdir "$to"
cp "$served/good.tar.gz" "$part"
gets 'a part that is complete is only unpacked' http://127.0.0.1:1/
rm -r "$to"

: >"$log"
python3 "$SRCDIR/tests/interrupt.py" "$part" 20000 "$CLADE" fetch cifar10 \
    "$to" --url "$http/slow/good.tar.gz" --sha256 "$good" >"$dir/out" \
    2>"$dir/err"
[ $? -eq 130 ] && [ ! -s "$dir/out" ] && [ "$(ls "$to")" = "${part##*/}" ] &&
    grep -q "^clade: interrupted; .* MB are kept in $part" "$dir/err"
report $? 'SIGINT ends a slow download with 130, and the part is kept and said'
kept=$(wc -c <"$part")
gets 'and the next call resumes it' "$http/slow/good.tar.gz"
grep -q "^/slow/good.tar.gz bytes=$kept-\$" "$log"
report $? 'from there'
rm -r "$to"

gets 'a server that does not say how long the archive is' \
    "$http/unmeasured/good.tar.gz"
rm -r "$to"
ends 1 fetch cifar10 "$to" --url "$http/unmeasured/good.tar.gz" &&
    [ "$(wc -c <"$part")" -eq "$size" ] &&
    grep -q "the server sent $((size)) of 170052171 bytes; .* are kept" "$dir/err"
report $? 'and ends before the published archive does'
rm -r "$to"

loses 3 'a server that damages the archive' "not $good" \
    "$http/damaged/good.tar.gz"
[ ! -e "$part" ]
report $? 'and what it sent is not kept'
loses 3 'a server that sends another archive' "not $good" \
    "$http/ranges/other.tar.gz"
loses 3 'a server that sends no end' 'more than 200000000 bytes' \
    "$http/endless/good.tar.gz"
loses 3 'a server that says so' 'more than 200000000 bytes' \
    "$http/huge/good.tar.gz"
loses 1 'an address that is wrong' '404' "$http/ranges/nonesuch.tar.gz"
loses 1 'a server that leads to a file here' 'file' "$http/inward/good.tar.gz"
loses 1 'a server that leads nowhere' 'redirects' "$http/circle/good.tar.gz"
[ ! -e "$to" ]
report $? 'nothing is left of these'

mkdir "$to"
"$CLADE" fetch cifar10 "$to" --url "$http/held/good.tar.gz" --sha256 "$good" \
    >"$dir/first" 2>&1 &
while kill -0 $! 2>"$dir/out" && [ ! -s "$part" ]; do
    sleep 0.1
done
code=2
fetches "$http/ranges/good.tar.gz" && grep -q 'another run is using' "$dir/err"
report $? 'two processes do not fetch into one folder'
touch "$log.go"
wait $! && whole
report $? 'and the first one completes it'
rm -r "$to"

if script -V >"$dir/out" 2>&1; then
    script -q -e -c "$CLADE fetch cifar10 $to --sha256 $good \
        --url $http/slow/good.tar.gz" "$dir/typescript" >"$dir/out" \
        </dev/null && tr '\r' '\n' <"$dir/out" >"$dir/err" &&
        grep -q '^[0-9]* kB of 148 kB \[=*>[.]*\] [0-9.]* kB/s ETA 0:0' \
            "$dir/err" && grep -q '148 kB of 148 kB \[=*\]' "$dir/err"
    report $? 'on a terminal, a bar says how far it is'
    rm -r "$to"
else
    number=$((number + 1))
    echo "ok $number # SKIP on a terminal, a bar says how far it is: no script(1)"
fi

# ---- certificates ------------------------------------------------------------------

if openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/key.pem" \
    -out "$dir/cert.pem" >"$dir/out" 2>&1; then
    serve "$dir/cert.pem" "$dir/key.pem"
    https=https://127.0.0.1:$port
    loses 1 'a certificate that nobody knows' 'certificate' \
        "$https/ranges/good.tar.gz"
    gets 'a certificate that --cacert names' "$https/ranges/good.tar.gz" \
        --cacert "$dir/cert.pem"
    rm -r "$to"
    loses 3 'a file without certificates' 'no certificate can be read' \
        "$https/ranges/good.tar.gz" --cacert "$served/text.tar.gz"
else
    for test in 1 2 3; do
        number=$((number + 1))
        echo "ok $number # SKIP certificates $test: no openssl to make them"
    done
fi

echo "1..$number"
