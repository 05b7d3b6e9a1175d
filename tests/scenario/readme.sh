#!/bin/sh
# The commands of README.md's block run as they stand, but for the build, the port and the folder.
# timeout: 240
set -u
dir=$(mktemp -d)
port=$((31000 + $$ % 1000))
server=
stop() {
    [ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
    rm -rf "$dir"
}
trap stop EXIT
sed -n '/^```sh$/,/^```$/p' README.md | sed '1d;$d' |
    sed "s|build/lazaret|$BUILD/lazaret|; s|/tmp/lazaret-try|$dir/data|; s|/tmp/bundle.json|$dir/bundle.json|; s|:8080|:$port|" > "$dir/lines"
n=0
while IFS= read -r line <&3; do
    n=$((n + 1))
    case $line in
    'make build') echo "ok $n - $line # the tests were built by it" ;;
    *' &')
        sh -c "exec ${line% &}" > "$dir/out" 2> "$dir/log" &
        server=$!
        i=0
        until grep -q ready "$dir/out"; do
            i=$((i + 1))
            [ $i -lt 100 ] || break
            sleep 0.1
        done
        if grep -q ready "$dir/out"; then echo "ok $n - ${line#*/}"; else echo "not ok $n - ${line#*/}"; fi
        ;;
    *)
        if sh -c "$line" > "$dir/said" 2>&1; then
            echo "ok $n - ${line#"$BUILD"/}"
        else
            echo "not ok $n - ${line#"$BUILD"/}"
            sed 's/^/# /' "$dir/said"
        fi
        ;;
    esac
done 3< "$dir/lines"
echo "1..$n"
