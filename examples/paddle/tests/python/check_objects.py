# SPDX-License-Identifier: Apache-2.0
"""Checks the objects of a build for AVX instructions in the wrong place.

Takes a file that lists the objects. Those of the folder avx2 may hold AVX instructions,
but then no symbol that the linker could prefer over a copy elsewhere; all others must
hold none.
"""

import argparse
import re
import subprocess

# A VEX or EVEX instruction: its mnemonic starts with v (as none of the base set's does
# but verr and verw), or it names a wide register. After the tab in objdump's listing.
AVX = re.compile(r"\t(?:v(?!err|erw)[a-z0-9]+\s|[a-z0-9]+\s.*%[yz]mm)")


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def avx_lines(objdump, path):
    listing = output_of(objdump, "-d", "--no-show-raw-insn", path)
    return [line.strip() for line in listing.splitlines() if AVX.search(line)]


def shared_symbols(nm, path):
    """Weak and unique symbols: those that many objects define and the linker merges."""
    lines = (line.split() for line in output_of(nm, "--defined-only", path).splitlines())
    return [words[-1] for words in lines if words[-2] in "WVuwv"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objdump", required=True)
    parser.add_argument("--nm", required=True)
    parser.add_argument("list")
    options = parser.parse_args()
    with open(options.list, encoding="utf-8") as file:
        objects = file.read().split()

    problems = []
    with_avx = 0
    for path in objects:
        found = avx_lines(options.objdump, path)
        if "/kernels/avx2/" in path:
            with_avx += bool(found)
            problems += [f"{path}: defines {s}" for s in shared_symbols(options.nm, path)]
        elif found:
            problems.append(f"{path}: {len(found)} AVX instructions, first: {found[0]}")
    print(f"{len(objects)} objects, {with_avx} with AVX instructions")
    if problems:
        raise SystemExit("\n".join(problems))


if __name__ == "__main__":
    main()
