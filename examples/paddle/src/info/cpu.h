// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace paddle {

/// Whether the CPU (and the operating system) can run the AVX2 family.
/// PADDLE_TEST_NO_AVX=1 in the environment makes this false: with it, tests see on any
/// CPU what happens on one without AVX.
bool cpu_has_avx2_fma();

/// Null when this build can run on this CPU, else what to tell the user.
const char* cpu_problem();

/// The instruction sets of this CPU that matter here: "sse4.2 avx avx2 fma".
std::string cpu_features();

}  // namespace paddle
