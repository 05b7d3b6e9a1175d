#!/bin/sh
# jail_size   what runs strangers' programs stays small enough to be read: test_jail_size.sh SOURCE LAZARET_JAIL. TAP.
set -eu
src=$1/src/jail jail=$2
echo 1..2
lines=$(cat "$src"/*.c "$src"/*.h "$src"/*.def | wc -l)
if [ "$lines" -lt 2000 ]; then echo "ok 1 - the jail has fewer than 2000 lines ($lines)"
else echo "not ok 1 - the jail has $lines lines, which is not fewer than 2000"; fi
# The sanitizers' libraries are in a build for tests alone.
other=$(readelf -d "$jail" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -Ev '^(libc|libseccomp|libasan|libubsan|libgcc_s)\.so|^ld-linux' || :)
if [ -z "$other" ]; then echo 'ok 2 - it needs libc and libseccomp alone'
else echo "not ok 2 - it needs $other"; fi
[ "$lines" -lt 2000 ] && [ -z "$other" ]
