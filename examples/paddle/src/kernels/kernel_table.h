// SPDX-License-Identifier: Apache-2.0
#pragma once

// The interface between the library and a family of kernels.
//
// This header is included by files compiled with -mavx2, so it must stay plain: no
// standard library classes, no templates, no inline functions. The linker keeps one
// copy of an inline function for the whole program, and were that the copy with AVX2
// instructions, code that is meant to run on every CPU would die of SIGILL.

#include <stddef.h>
#include <stdint.h>

namespace paddle {

/// C = op(A) * op(B), or C += with `accumulate`, for each member of a batch. op(A) is m
/// by k, op(B) is k by n, C is m by n; all row-major, `lda` … are distances between
/// rows as stored. A transposed operand is stored the other way round (A as k by m).
/// Member i of the batch lies `stride` * i elements further on.
/// With `sum_batch` the products of the batch are added up into the one C.
struct Gemm {
  size_t m, n, k;
  const float* a;
  size_t lda;
  bool transpose_a;
  const float* b;
  size_t ldb;
  bool transpose_b;
  float* c;
  size_t ldc;
  bool accumulate;

  size_t batch;
  size_t stride_a, stride_b, stride_c;
  bool sum_batch;
};

/// A square-kernel convolution over `images` images of channels x height x width.
struct ConvShape {
  size_t images;
  size_t channels, height, width;
  size_t kernel, stride, padding;
  size_t out_height, out_width;
};

/// Non-overlapping pooling windows over `planes` planes of height x width.
struct PoolShape {
  size_t planes;
  size_t height, width;
  size_t window;
  size_t out_height, out_width;
};

struct AdamStep {
  float learning_rate;
  float beta1, beta2;
  float epsilon;
  float weight_decay;
  /// 1 - beta1^t and 1 - beta2^t of step t: the averages start at 0 and are too small
  /// at first.
  float correction1, correction2;
};

/// The kernels of one family. Pointers are to memory from `allocate` of this family;
/// arrays do not overlap unless they are the same array.
struct KernelTable {
  const char* name;

  /// True when the kernels spread over a device themselves; else the caller may cut the
  /// work up and call a kernel from several threads.
  bool parallel;

  void* (*allocate)(size_t bytes);
  void (*release)(void* memory);
  /// Waits until the kernels called so far have written their results.
  void (*synchronize)();

  void (*gemm)(const Gemm* args);

  /// y = value
  void (*fill)(float value, float* y, size_t n);
  // y = a op b
  void (*add)(const float* a, const float* b, float* y, size_t n);
  void (*subtract)(const float* a, const float* b, float* y, size_t n);
  void (*multiply)(const float* a, const float* b, float* y, size_t n);
  /// y = factor * x
  void (*scale)(float factor, const float* x, float* y, size_t n);
  /// y[r][c] = x[r][c] * scale[c] + shift[c]
  void (*scale_shift)(const float* x, const float* scale, const float* shift, float* y,
                      size_t rows, size_t columns);
  /// y[o][c][i] += bias[c]
  void (*add_bias)(float* y, const float* bias, size_t outer, size_t channels,
                   size_t inner);
  /// sums[c] += sum over o and i of x[o][c][i]
  void (*sum_bias)(const float* x, float* sums, size_t outer, size_t channels,
                   size_t inner);

  // y = f(x), and dx = dy * f'(x) written in terms of y = f(x)
  void (*relu)(const float* x, float* y, size_t n);
  void (*relu_gradient)(const float* y, const float* dy, float* dx, size_t n);
  void (*sigmoid)(const float* x, float* y, size_t n);
  void (*sigmoid_gradient)(const float* y, const float* dy, float* dx, size_t n);
  void (*tanh)(const float* x, float* y, size_t n);
  void (*tanh_gradient)(const float* y, const float* dy, float* dx, size_t n);

  /// Each row of y is the softmax of that row of x.
  void (*softmax)(const float* x, float* y, size_t rows, size_t columns);
  /// losses[r] = -log softmax(x[r])[labels[r]], and the gradient of `weight` times
  /// their sum with respect to x.
  void (*softmax_cross_entropy)(const float* x, const int32_t* labels, float* losses,
                                float* dx, float weight, size_t rows, size_t columns);
  /// losses[r] = sum over c of (x - target)^2, and the gradient of `weight` times their
  /// sum with respect to x.
  void (*squared_error)(const float* x, const float* target, float* losses, float* dx,
                        float weight, size_t rows, size_t columns);

  /// columns[image][(channel, ky, kx)][(oy, ox)] = the input under that kernel cell
  void (*im2col)(const ConvShape* shape, const float* images, float* columns);
  /// The adjoint of im2col: images = the sum of the columns they went to.
  void (*col2im)(const ConvShape* shape, const float* columns, float* images);
  /// `winners` gets the index in its plane of each maximum.
  void (*max_pool)(const PoolShape* shape, const float* x, float* y, int32_t* winners);
  void (*max_pool_gradient)(const PoolShape* shape, const float* dy,
                            const int32_t* winners, float* dx);

  /// velocity = momentum * velocity + gradient + weight_decay * weights;
  /// weights -= learning_rate * velocity
  void (*sgd)(float* weights, float* velocity, const float* gradient,
              float learning_rate, float momentum, float weight_decay, size_t n);
  void (*adam)(const AdamStep* step, float* weights, float* mean, float* variance,
               const float* gradient, size_t n);
};

}  // namespace paddle
