// SPDX-License-Identifier: Apache-2.0
#include "info/cpu.h"

#include <cstdlib>
#include <cstring>

#include "kernels/families.h"

namespace paddle {
namespace {

bool test_hides_avx() {
  const char* value = std::getenv("PADDLE_TEST_NO_AVX");
  return value != nullptr && *value != '\0' && std::strcmp(value, "0") != 0;
}

}  // namespace

bool cpu_has_avx2_fma() {
#if defined(__x86_64__)
  // Also false when the operating system does not save the wide registers.
  return !test_hides_avx() && __builtin_cpu_supports("avx2") &&
         __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

const char* cpu_problem() {
  if (!built_with_avx() || cpu_has_avx2_fma()) return nullptr;
  return "this build needs AVX, use the noavx variant";
}

std::string cpu_features() {
  std::string features;
#if defined(__x86_64__)
  // The builtin takes literals only.
  if (__builtin_cpu_supports("sse4.2")) features += " sse4.2";
  if (__builtin_cpu_supports("avx")) features += " avx";
  if (__builtin_cpu_supports("avx2")) features += " avx2";
  if (__builtin_cpu_supports("fma")) features += " fma";
  if (__builtin_cpu_supports("avx512f")) features += " avx512f";
#endif
  return features.empty() ? "none that matter here" : features.substr(1);
}

}  // namespace paddle
