// SPDX-License-Identifier: Apache-2.0
#include "kernels/dispatch.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "info/cpu.h"
#include "kernels/families.h"

namespace paddle {
namespace {

const KernelTable& named_family(const std::string& name) {
  if (name == "generic") return *generic_kernels();
  if (name == "avx2" && avx2_kernels() != nullptr) return *avx2_kernels();
  if (name == "cuda" && cuda_kernels() != nullptr) {
    std::string reason;
    if (cuda_usable(&reason)) return *cuda_kernels();
    fail("PADDLE_KERNELS asks for the GPU: ", reason);
  }
  fail("PADDLE_KERNELS is '", name, "', which this build (", build_options(),
       ") does not have");
}

const KernelTable& choose() {
  if (const char* problem = cpu_problem()) fail(problem);
  if (const char* name = std::getenv("PADDLE_KERNELS")) return named_family(name);
  if (cuda_kernels() != nullptr) {
    std::string reason;
    if (cuda_usable(&reason)) return *cuda_kernels();
    std::fprintf(stderr, "paddle: %s; computing on the CPU\n", reason.c_str());
  }
  if (avx2_kernels() != nullptr) return *avx2_kernels();
  return *generic_kernels();
}

}  // namespace

const KernelTable& kernels() {
  static const KernelTable& chosen = choose();
  return chosen;
}

}  // namespace paddle
