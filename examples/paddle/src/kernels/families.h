// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kernels/kernel_table.h"

namespace paddle {

// Which families this build has. Only families.cc knows the build's options, so that a
// build with other options recompiles that file and shares all others.

/// "GPU=OFF AVX=ON"
const char* build_options();
bool built_with_avx();

const KernelTable* generic_kernels();
/// Null when the family is not in this build.
const KernelTable* avx2_kernels();
const KernelTable* cuda_kernels();

/// Whether the CUDA kernels can run here; if not, `reason` gets a sentence for the
/// user.
bool cuda_usable(std::string* reason);

}  // namespace paddle
