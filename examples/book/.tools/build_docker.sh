#!/bin/bash
# build_docker.sh [VERSION]: build the image book:VERSION on paddle:VERSION, by docker, podman or
# buildah, whichever is there. VERSION is by default that of the newest paddle image; SUFFIX chooses
# a variant: -noavx, -gpu, -gpu-noavx. Words in BUILD_FLAGS are given to the builder as they stand.
set -euo pipefail
cd "$(dirname "$0")/.."

for builder in "${BUILDER:-}" docker podman buildah; do
    if [ -n "$builder" ] && command -v "$builder" >/dev/null; then
        break
    fi
done
if ! command -v "$builder" >/dev/null; then
    echo "error: there is neither docker nor podman nor buildah" >&2
    exit 1
fi

version=${1:-}
if [ -z "$version" ]; then
    version=$("$builder" images --format '{{.Tag}}' localhost/paddle |
        grep -Ev -e '^(dev|latest|<none>)$' -e '-(noavx|gpu)$' | head -n 1) || true
fi
if [ -z "$version" ]; then
    echo "error: $builder has no image paddle:VERSION" >&2
    echo "  hint: pdbuild bake image-cpu makes one" >&2
    exit 1
fi
tag=$version${SUFFIX:-}

# shellcheck disable=SC2206 # words
flags=(${BUILD_FLAGS:-})
"$builder" build "${flags[@]}" --build-arg "VERSION=$tag" -t "localhost/book:$tag" -f Dockerfile .
echo "built localhost/book:$tag; try: $builder run --rm -p 8080:8080 localhost/book:$tag"
