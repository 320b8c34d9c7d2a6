#!/bin/bash
# Writes a script that says a word. A file `fail-LANGUAGE` beside the recipe makes it fail.
set -euo pipefail
if [ -e "$PDBUILD_SOURCE/fail-$GREETING" ]; then
    echo "error: no word of $GREETING" >&2
    exit 9
fi
word=$(cat "$PDBUILD_SOURCE/words/$GREETING")
install -d "$PDBUILD_OUTPUT$PDBUILD_PREFIX/bin"
printf '#!/bin/sh\necho %s\n' "$word" >"$PDBUILD_OUTPUT$PDBUILD_PREFIX/bin/note"
chmod 755 "$PDBUILD_OUTPUT$PDBUILD_PREFIX/bin/note"
