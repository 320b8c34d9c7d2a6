// SPDX-License-Identifier: Apache-2.0
#pragma once

// The AVX2/FMA kernels. The files of this folder, and no others, are compiled with
// -mavx2 -mfma. They may include the headers below, <immintrin.h> and nothing that
// defines inline functions or templates (see kernel_table.h); their helpers are static.

#include "kernels/kernel_table.h"

namespace paddle {
namespace avx2 {

extern const KernelTable kTable;

void gemm(const Gemm* args);

void add(const float* a, const float* b, float* y, size_t n);
void subtract(const float* a, const float* b, float* y, size_t n);
void multiply(const float* a, const float* b, float* y, size_t n);
void scale(float factor, const float* x, float* y, size_t n);
void scale_shift(const float* x, const float* scale, const float* shift, float* y,
                 size_t rows, size_t columns);
void add_bias(float* y, const float* bias, size_t outer, size_t channels, size_t inner);
void sum_bias(const float* x, float* sums, size_t outer, size_t channels, size_t inner);

void relu(const float* x, float* y, size_t n);
void relu_gradient(const float* y, const float* dy, float* dx, size_t n);
void sigmoid(const float* x, float* y, size_t n);
void sigmoid_gradient(const float* y, const float* dy, float* dx, size_t n);
void tanh(const float* x, float* y, size_t n);
void tanh_gradient(const float* y, const float* dy, float* dx, size_t n);

void softmax(const float* x, float* y, size_t rows, size_t columns);
void softmax_cross_entropy(const float* x, const int32_t* labels, float* losses,
                           float* dx, float weight, size_t rows, size_t columns);
void squared_error(const float* x, const float* target, float* losses, float* dx,
                   float weight, size_t rows, size_t columns);

void sgd(float* weights, float* velocity, const float* gradient, float learning_rate,
         float momentum, float weight_decay, size_t n);
void adam(const AdamStep* step, float* weights, float* mean, float* variance,
          const float* gradient, size_t n);

}  // namespace avx2
}  // namespace paddle
