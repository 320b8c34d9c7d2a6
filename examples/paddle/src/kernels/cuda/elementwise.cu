// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

__global__ void fill_kernel(float value, float* y, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) y[i] = value;
}

__global__ void add_kernel(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) y[i] = a[i] + b[i];
}

__global__ void subtract_kernel(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) y[i] = a[i] - b[i];
}

__global__ void multiply_kernel(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) y[i] = a[i] * b[i];
}

__global__ void scale_kernel(float factor, const float* x, float* y, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) y[i] = factor * x[i];
}

__global__ void scale_shift_kernel(const float* x, const float* scale,
                                   const float* shift, float* y, size_t n,
                                   size_t columns) {
  for (size_t i = first_index(); i < n; i += index_step())
    y[i] = x[i] * scale[i % columns] + shift[i % columns];
}

__global__ void add_bias_kernel(float* y, const float* bias, size_t n, size_t channels,
                                size_t inner) {
  for (size_t i = first_index(); i < n; i += index_step())
    y[i] += bias[i / inner % channels];
}

/// One block per channel: its threads add up in strides, then pairwise in shared
/// memory. No atomics, so the order of the additions and hence the result is always the
/// same.
__global__ void sum_bias_kernel(const float* x, float* sums, size_t outer,
                                size_t channels, size_t inner) {
  __shared__ float partial[kThreads];
  const size_t channel = blockIdx.x;
  float sum = 0.0f;
  for (size_t i = threadIdx.x; i < outer * inner; i += kThreads)
    sum += x[(i / inner * channels + channel) * inner + i % inner];
  partial[threadIdx.x] = sum;
  __syncthreads();
  for (unsigned half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) sums[channel] += partial[0];
}

}  // namespace

void fill(float value, float* y, size_t n) {
  if (n == 0) return;
  fill_kernel<<<blocks_for(n), kThreads>>>(value, y, n);
  check(cudaGetLastError(), "fill");
}

void add(const float* a, const float* b, float* y, size_t n) {
  if (n == 0) return;
  add_kernel<<<blocks_for(n), kThreads>>>(a, b, y, n);
  check(cudaGetLastError(), "add");
}

void subtract(const float* a, const float* b, float* y, size_t n) {
  if (n == 0) return;
  subtract_kernel<<<blocks_for(n), kThreads>>>(a, b, y, n);
  check(cudaGetLastError(), "subtract");
}

void multiply(const float* a, const float* b, float* y, size_t n) {
  if (n == 0) return;
  multiply_kernel<<<blocks_for(n), kThreads>>>(a, b, y, n);
  check(cudaGetLastError(), "multiply");
}

void scale(float factor, const float* x, float* y, size_t n) {
  if (n == 0) return;
  scale_kernel<<<blocks_for(n), kThreads>>>(factor, x, y, n);
  check(cudaGetLastError(), "scale");
}

void scale_shift(const float* x, const float* scale, const float* shift, float* y,
                 size_t rows, size_t columns) {
  const size_t n = rows * columns;
  if (n == 0) return;
  scale_shift_kernel<<<blocks_for(n), kThreads>>>(x, scale, shift, y, n, columns);
  check(cudaGetLastError(), "scale_shift");
}

void add_bias(float* y, const float* bias, size_t outer, size_t channels,
              size_t inner) {
  const size_t n = outer * channels * inner;
  if (n == 0) return;
  add_bias_kernel<<<blocks_for(n), kThreads>>>(y, bias, n, channels, inner);
  check(cudaGetLastError(), "add_bias");
}

void sum_bias(const float* x, float* sums, size_t outer, size_t channels,
              size_t inner) {
  if (channels == 0) return;
  sum_bias_kernel<<<static_cast<unsigned>(channels), kThreads>>>(x, sums, outer,
                                                                 channels, inner);
  check(cudaGetLastError(), "sum_bias");
}

}  // namespace cuda
}  // namespace paddle
