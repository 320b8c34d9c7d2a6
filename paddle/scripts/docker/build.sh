#!/bin/bash
# Builds the project inside the development image, where the checkout is mounted at /paddle: what
# the image also does when it is started with no command. -e OPTION=VALUE says what is built.
develop=/usr/lib/pdbuild/hooks/develop
if [ ! -e "$develop" ]; then
    echo "error: this runs inside the development image" >&2
    echo "  hint: docker run -v \$PWD:/paddle paddle:dev" >&2
    exit 1
fi
exec bash "$develop"
