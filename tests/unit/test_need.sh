#!/bin/sh
# test_need.sh TOOLS   tools/need says what is missing and who may install it; nothing is installed here.
set -u
tools=$(cd "$1" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
n=0
mkdir -p "$place/packages"
cp "$tools/need" "$place/need"
chmod -R a+rX "$place"

# A user who is not root and has no sudo: neither this PATH nor this uid offers a way.
nobody() {
    if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; fi
    PATH=$place/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
mkdir "$place/bin"
printf '#!/bin/sh\nexit 1\n' > "$place/bin/sudo"
chmod 755 "$place" "$place/bin" "$place/bin/sudo"

says() { # NAME EXIT TEXT LIST
    n=$((n + 1))
    printf '%s\n' "$4" > "$place/packages/run"
    chmod a+r "$place/packages/run"
    out=$(nobody "$place/need" run 2>&1 </dev/null)
    code=$?
    if [ "$code" = "$2" ] && printf '%s\n' "$out" | grep -qF -- "$3"; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        printf 'exit %s, expected %s and: %s\n%s\n' "$code" "$2" "$3" "$out" | sed 's/^/# /'
    fi
}

says 'nothing is missing, nothing is said' 0 '' 'libc6     runs everything'
says 'one of two names is enough' 0 '' 'no-such-package|libc6     runs everything'
says 'the line for an administrator' 2 'apt-get install -y --no-install-recommends' \
    'no-such-package-a   a
no-such-package-b   b'
says 'comments are not packages' 0 '' '# no-such-package   is only spoken of
libc6     runs everything'
n=$((n + 1))
if "$tools/need" sing >/dev/null 2>&1; then echo "not ok $n - an unknown command"; else echo "ok $n - an unknown command"; fi
for list in run test bench; do
    n=$((n + 1))
    if grep -vE '^(#.*|[a-z0-9][a-z0-9.+|-]+ +[^ ].*|unit [a-z0-9@-]+\.(service|socket|timer))$' "$tools/packages/$list"; then
        echo "not ok $n - the list $list has a name and a reason in every line"
    else
        echo "ok $n - the list $list has a name and a reason in every line"
    fi
done
echo "1..$n"
