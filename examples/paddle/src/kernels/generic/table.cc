// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "kernels/generic/generic.h"

namespace paddle {
namespace generic {

void* allocate(size_t bytes) {
  // A cache line: more than any vector load wants. aligned_alloc takes whole lines
  // only.
  constexpr size_t kAlignment = 64;
  return std::aligned_alloc(kAlignment,
                            (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

void release(void* memory) { std::free(memory); }

void synchronize() {}

// A constant, so that there is no code to run before the CPU check.
const KernelTable kTable = {
    "generic",
    false,
    allocate,
    release,
    synchronize,
    gemm,
    fill,
    add,
    subtract,
    multiply,
    scale,
    scale_shift,
    add_bias,
    sum_bias,
    relu,
    relu_gradient,
    sigmoid,
    sigmoid_gradient,
    tanh,
    tanh_gradient,
    softmax,
    softmax_cross_entropy,
    squared_error,
    im2col,
    col2im,
    max_pool,
    max_pool_gradient,
    sgd,
    adam,
};

}  // namespace generic
}  // namespace paddle
