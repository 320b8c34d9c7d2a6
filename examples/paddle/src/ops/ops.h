// SPDX-License-Identifier: Apache-2.0
#pragma once

// Operations on tensors: they check shapes, cut the work up for the thread pool and
// call the kernels. A batch is a tensor whose first extent counts samples; where a
// matrix is asked for, all further extents together count as its columns.

#include <cstdint>

#include "core/tensor.h"

namespace paddle::ops {

// ---- matmul.cc

/// c = op(a) * op(b), or c += with `accumulate`. Gives c its shape unless accumulating.
void matmul(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b,
            Tensor& c, bool accumulate = false);

/// Runs a Gemm of the active kernels on the pool.
void run_gemm(const Gemm& gemm);

// ---- elementwise.cc

void add(const Tensor& a, const Tensor& b, Tensor& y);
void subtract(const Tensor& a, const Tensor& b, Tensor& y);
void multiply(const Tensor& a, const Tensor& b, Tensor& y);
void scale(float factor, const Tensor& x, Tensor& y);
/// y[r][c] = x[r][c] * scale[c] + shift[c]
void scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y);

/// Adds bias[c] to everything in channel c, the second extent of y.
void add_bias(Tensor& y, const Tensor& bias);
/// sums[c] += everything in channel c of x.
void sum_bias(const Tensor& x, Tensor& sums);

enum class Activation { kRelu, kSigmoid, kTanh };

void activate(Activation kind, const Tensor& x, Tensor& y);
/// The gradient with respect to x, from y = f(x) and the gradient with respect to y.
void activate_gradient(Activation kind, const Tensor& y, const Tensor& dy, Tensor& dx);

// ---- loss.cc

void softmax(const Tensor& x, Tensor& y);

/// The mean over the batch of -log softmax(logits)[label]; `gradient` gets its
/// derivatives with respect to the logits.
double cross_entropy(const Tensor& logits, const Buffer<std::int32_t>& labels,
                     Tensor& gradient);

/// The mean over all elements of (x - target)^2, and its derivatives.
double mean_squared_error(const Tensor& x, const Tensor& target, Tensor& gradient);

// ---- conv.cc

/// The geometry of a convolution over a batch [images, channels, height, width]; throws
/// when the kernel does not fit.
ConvShape conv_shape(const Shape& x, std::int64_t kernel, std::int64_t stride,
                     std::int64_t padding);

/// y = weights * x + bias. `weights` is [filters, channels, kernel, kernel]; `columns`
/// keeps the unfolded images for the backward pass.
void conv2d(const ConvShape& shape, const Tensor& x, const Tensor& weights,
            const Tensor& bias, Tensor& columns, Tensor& y);

/// Adds to the gradients of weights and bias.
void conv2d_parameter_gradient(const ConvShape& shape, const Tensor& columns,
                               const Tensor& dy, Tensor& dweights, Tensor& dbias);
/// `columns` is overwritten.
void conv2d_input_gradient(const ConvShape& shape, const Tensor& weights,
                           const Tensor& dy, Tensor& columns, Tensor& dx);

/// The geometry of pooling; windows that would stick out are left away.
PoolShape pool_shape(const Shape& x, std::int64_t window);

void max_pool(const PoolShape& shape, const Tensor& x, Tensor& y,
              Buffer<std::int32_t>& winners);
void max_pool_gradient(const PoolShape& shape, const Tensor& dy,
                       const Buffer<std::int32_t>& winners, Tensor& dx);

}  // namespace paddle::ops
