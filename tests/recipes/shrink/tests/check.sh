#!/bin/sh
# check.sh PROGRAM: a thousand equal bytes become few.
set -eu
said=$(head -c 1000 /dev/zero | "$1")
echo "$said"
[ "$said" = "1000 bytes become 17" ]
