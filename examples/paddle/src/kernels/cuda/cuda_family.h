// SPDX-License-Identifier: Apache-2.0
#pragma once

// The CUDA kernels. Memory is managed memory: kernels and host code see the same
// addresses, so the rest of the library needs no notion of a device. What it must do is
// wait before the host looks (Buffer::data()), as kernels run on after their call
// returns. Plain declarations only: nvcc compiles its own host code with these.

#include "kernels/kernel_table.h"

namespace paddle {
namespace cuda {

extern const KernelTable kTable;

/// Null when the kernels can run on this machine, else a sentence for the user.
const char* device_problem();

void* allocate(size_t bytes);
void release(void* memory);
void synchronize();

void gemm(const Gemm* args);

void fill(float value, float* y, size_t n);
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

void im2col(const ConvShape* shape, const float* images, float* columns);
void col2im(const ConvShape* shape, const float* columns, float* images);
void max_pool(const PoolShape* shape, const float* x, float* y, int32_t* winners);
void max_pool_gradient(const PoolShape* shape, const float* dy, const int32_t* winners,
                       float* dx);

void sgd(float* weights, float* velocity, const float* gradient, float learning_rate,
         float momentum, float weight_decay, size_t n);
void adam(const AdamStep* step, float* weights, float* mean, float* variance,
          const float* gradient, size_t n);

}  // namespace cuda
}  // namespace paddle
