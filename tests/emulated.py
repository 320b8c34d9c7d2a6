"""What the CPUs are that QEMU emulates, as they say it themselves: the text of a /proc/cpuinfo.

qemu-user shows programs the host's own file, so that is made of what the instruction CPUID says.
"""

import os
import subprocess
from pathlib import Path

_ASKS = """
#include <cpuid.h>
#include <stdio.h>
int main(void) {
  unsigned a, b, c, d;
  __cpuid_count(1, 0, a, b, c, d);
  printf("processor\\t: 0\\nflags\\t\\t: fpu%s%s%s%s", d & bit_SSE2 ? " sse2" : "",
         c & bit_SSE4_2 ? " sse4_2" : "", c & bit_AVX ? " avx" : "", c & bit_FMA ? " fma" : "");
  __cpuid_count(7, 0, a, b, c, d);
  puts(b & bit_AVX2 ? " avx2" : "");
}
"""


def cpuinfo(model: str, folder: Path) -> str:
    """The text for a CPU of QEMU's; `folder` is for the program that asks it."""
    program = folder / "asks-cpuid"
    gcc = ["gcc", "-static", "-x", "c", "-", "-o", program]
    subprocess.run(gcc, input=_ASKS, text=True, check=True)
    env = os.environ | {"QEMU_CPU": model}
    argv = ["qemu-x86_64-static", program]
    return subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout
