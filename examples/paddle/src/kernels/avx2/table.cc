// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/avx2.h"
#include "kernels/generic/generic.h"

namespace paddle {
namespace avx2 {

// Moving pixels about gains nothing from wider arithmetic: im2col and pooling are the
// generic ones. A constant, so that there is no code to run before the CPU check.
const KernelTable kTable = {
    "avx2",
    false,
    generic::allocate,
    generic::release,
    generic::synchronize,
    gemm,
    generic::fill,
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
    generic::im2col,
    generic::col2im,
    generic::max_pool,
    generic::max_pool_gradient,
    sgd,
    adam,
};

}  // namespace avx2
}  // namespace paddle
