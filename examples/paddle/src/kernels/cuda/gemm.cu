// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

// A block of 16 x 16 threads computes a 64 x 64 tile of C, each thread 4 x 4 elements
// of it. Slices of A and B go through shared memory, so each element is read from
// global memory once per tile and not once per product.
constexpr int kTile = 64;
constexpr int kSlice = 16;
constexpr int kSide = 16;
constexpr int kPerThread = kTile / kSide;

__device__ float element(const float* matrix, size_t ld, bool transposed, size_t row,
                         size_t column, size_t rows, size_t columns) {
  if (row >= rows || column >= columns) return 0.0f;
  return transposed ? matrix[column * ld + row] : matrix[row * ld + column];
}

__global__ void gemm_kernel(Gemm g, size_t first_of_batch) {
  __shared__ float a_slice[kSlice][kTile];
  __shared__ float b_slice[kSlice][kTile];
  float sums[kPerThread][kPerThread] = {};

  const int tx = threadIdx.x;
  const int ty = threadIdx.y;
  const int thread = ty * kSide + tx;
  const size_t row0 = size_t{blockIdx.y} * kTile;
  const size_t column0 = size_t{blockIdx.x} * kTile;
  const size_t member = first_of_batch + blockIdx.z;
  // With sum_batch one block walks through the whole batch as if it were more depth.
  const size_t begin = g.sum_batch ? 0 : member;
  const size_t end = g.sum_batch ? g.batch : member + 1;

  for (size_t index = begin; index < end; ++index) {
    const float* a = g.a + index * g.stride_a;
    const float* b = g.b + index * g.stride_b;
    for (size_t depth = 0; depth < g.k; depth += kSlice) {
      for (int i = thread; i < kSlice * kTile; i += kSide * kSide) {
        const int p = i / kTile;
        const int q = i % kTile;
        a_slice[p][q] = element(a, g.lda, g.transpose_a, row0 + q, depth + p, g.m, g.k);
        b_slice[p][q] =
            element(b, g.ldb, g.transpose_b, depth + p, column0 + q, g.k, g.n);
      }
      __syncthreads();
      for (int p = 0; p < kSlice; ++p)
        for (int i = 0; i < kPerThread; ++i)
          for (int j = 0; j < kPerThread; ++j)
            sums[i][j] += a_slice[p][ty + i * kSide] * b_slice[p][tx + j * kSide];
      __syncthreads();
    }
  }

  float* c = g.sum_batch ? g.c : g.c + member * g.stride_c;
  for (int i = 0; i < kPerThread; ++i)
    for (int j = 0; j < kPerThread; ++j) {
      const size_t row = row0 + ty + i * kSide;
      const size_t column = column0 + tx + j * kSide;
      if (row >= g.m || column >= g.n) continue;
      float& target = c[row * g.ldc + column];
      target = g.accumulate ? target + sums[i][j] : sums[i][j];
    }
}

}  // namespace

void gemm(const Gemm* args) {
  const Gemm& g = *args;
  if (g.m == 0 || g.n == 0 || g.batch == 0) return;
  constexpr size_t kGridLimit = 65535;
  const dim3 threads(kSide, kSide);
  const size_t members = g.sum_batch ? 1 : g.batch;
  for (size_t first = 0; first < members; first += kGridLimit) {
    const size_t count = members - first < kGridLimit ? members - first : kGridLimit;
    const dim3 blocks(static_cast<unsigned>((g.n + kTile - 1) / kTile),
                      static_cast<unsigned>((g.m + kTile - 1) / kTile),
                      static_cast<unsigned>(count));
    gemm_kernel<<<blocks, threads>>>(g, first);
    check(cudaGetLastError(), "gemm");
  }
}

}  // namespace cuda
}  // namespace paddle
