// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/kernel_table.h"

namespace paddle {

/// The kernels that the library computes with, chosen at the first call: those that
/// PADDLE_KERNELS names (generic, avx2 or cuda), else the fastest that this build has
/// and this machine can run. Says so on stderr when a GPU build has to use the CPU.
/// Throws on a CPU that this build is not made for.
const KernelTable& kernels();

}  // namespace paddle
