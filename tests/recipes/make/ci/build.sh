#!/bin/bash
# Compiles into $PDBUILD_TREE and installs into $PDBUILD_OUTPUT; the sources are read-only.
set -euo pipefail
make -C "$PDBUILD_SOURCE" O="$PDBUILD_TREE" PREFIX="$PDBUILD_PREFIX" DESTDIR="$PDBUILD_OUTPUT" \
    "$@" install
