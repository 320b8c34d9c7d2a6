// SPDX-License-Identifier: Apache-2.0
#pragma once

// What every kernel launch needs.

#include <cuda_runtime.h>

#include "kernels/cuda/cuda_family.h"

namespace paddle {
namespace cuda {

constexpr unsigned kThreads = 256;

/// Throws when the launch of `what` failed. Errors inside a kernel show up later, at
/// synchronize().
void check(cudaError_t status, const char* what);

/// Blocks for a grid-stride loop over n elements: enough to fill any device, and few
/// enough to fit the grid's limits whatever n is.
inline unsigned blocks_for(size_t n) {
  const size_t blocks = (n + kThreads - 1) / kThreads;
  return static_cast<unsigned>(blocks < 65535 ? blocks : 65535);
}

/// This thread's first element and the distance to its next one.
__device__ inline size_t first_index() {
  return size_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ inline size_t index_step() { return size_t{gridDim.x} * blockDim.x; }

}  // namespace cuda
}  // namespace paddle
