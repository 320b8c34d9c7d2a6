// SPDX-License-Identifier: Apache-2.0
#include <cfloat>

#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

// A warp per row: classes are few, and the lanes of a warp can reduce without shared
// memory. Every lane ends up with the result.
constexpr unsigned kWarp = 32;
constexpr unsigned kRowsPerBlock = 8;
constexpr unsigned kAllLanes = 0xffffffffu;

__device__ float warp_sum(float value) {
  for (unsigned distance = kWarp / 2; distance > 0; distance /= 2)
    value += __shfl_xor_sync(kAllLanes, value, distance);
  return value;
}

__device__ float warp_max(float value) {
  for (unsigned distance = kWarp / 2; distance > 0; distance /= 2)
    value = fmaxf(value, __shfl_xor_sync(kAllLanes, value, distance));
  return value;
}

__device__ float row_max(const float* x, size_t columns) {
  float max = -FLT_MAX;
  for (size_t c = threadIdx.x; c < columns; c += kWarp) max = fmaxf(max, x[c]);
  return warp_max(max);
}

/// y = e^(x - max); returns the sum of y over the row.
__device__ float shifted_exponentials(const float* x, float max, float* y,
                                      size_t columns) {
  float sum = 0.0f;
  for (size_t c = threadIdx.x; c < columns; c += kWarp) {
    y[c] = expf(x[c] - max);
    sum += y[c];
  }
  return warp_sum(sum);
}

__device__ size_t first_row() {
  return size_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
}
__device__ size_t row_step() { return size_t{gridDim.x} * kRowsPerBlock; }

__global__ void softmax_kernel(const float* x, float* y, size_t rows, size_t columns) {
  for (size_t r = first_row(); r < rows; r += row_step()) {
    const float* in = x + r * columns;
    float* out = y + r * columns;
    const float sum = shifted_exponentials(in, row_max(in, columns), out, columns);
    for (size_t c = threadIdx.x; c < columns; c += kWarp) out[c] /= sum;
  }
}

__global__ void softmax_cross_entropy_kernel(const float* x, const int32_t* labels,
                                             float* losses, float* dx, float weight,
                                             size_t rows, size_t columns) {
  for (size_t r = first_row(); r < rows; r += row_step()) {
    const float* in = x + r * columns;
    float* out = dx + r * columns;
    const size_t label = labels[r];
    const float max = row_max(in, columns);
    const float sum = shifted_exponentials(in, max, out, columns);
    for (size_t c = threadIdx.x; c < columns; c += kWarp)
      out[c] = weight * (out[c] / sum - (c == label ? 1.0f : 0.0f));
    if (threadIdx.x == 0) losses[r] = logf(sum) - (in[label] - max);
  }
}

__global__ void squared_error_kernel(const float* x, const float* target, float* losses,
                                     float* dx, float weight, size_t rows,
                                     size_t columns) {
  for (size_t r = first_row(); r < rows; r += row_step()) {
    float sum = 0.0f;
    for (size_t c = threadIdx.x; c < columns; c += kWarp) {
      const size_t i = r * columns + c;
      const float difference = x[i] - target[i];
      sum += difference * difference;
      dx[i] = 2.0f * weight * difference;
    }
    sum = warp_sum(sum);
    if (threadIdx.x == 0) losses[r] = sum;
  }
}

unsigned row_blocks(size_t rows) {
  const size_t blocks = (rows + kRowsPerBlock - 1) / kRowsPerBlock;
  return static_cast<unsigned>(blocks < 65535 ? blocks : 65535);
}

const dim3 kRowThreads(kWarp, kRowsPerBlock);

}  // namespace

void softmax(const float* x, float* y, size_t rows, size_t columns) {
  if (rows == 0) return;
  softmax_kernel<<<row_blocks(rows), kRowThreads>>>(x, y, rows, columns);
  check(cudaGetLastError(), "softmax");
}

void softmax_cross_entropy(const float* x, const int32_t* labels, float* losses,
                           float* dx, float weight, size_t rows, size_t columns) {
  if (rows == 0) return;
  softmax_cross_entropy_kernel<<<row_blocks(rows), kRowThreads>>>(
      x, labels, losses, dx, weight, rows, columns);
  check(cudaGetLastError(), "softmax_cross_entropy");
}

void squared_error(const float* x, const float* target, float* losses, float* dx,
                   float weight, size_t rows, size_t columns) {
  if (rows == 0) return;
  squared_error_kernel<<<row_blocks(rows), kRowThreads>>>(x, target, losses, dx, weight,
                                                          rows, columns);
  check(cudaGetLastError(), "squared_error");
}

}  // namespace cuda
}  // namespace paddle
