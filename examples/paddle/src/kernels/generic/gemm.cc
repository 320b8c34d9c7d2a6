// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/generic/generic.h"

namespace paddle {
namespace generic {
namespace {

// A block of B of this size (64 KiB) stays in the second-level cache while all rows of
// A pass by. The inner loop runs over columns, with a constant trip count for full
// blocks, which is what a compiler needs to vectorise it for whatever the target
// offers.
constexpr size_t kDepth = 128;
constexpr size_t kColumns = 128;
constexpr size_t kRows = 4;

float element(const float* matrix, size_t ld, bool transposed, size_t row,
              size_t column) {
  return transposed ? matrix[column * ld + row] : matrix[row * ld + column];
}

/// Copies a block of op(B) to consecutive memory and fills it up with zeros, so that
/// the inner loop needs to know neither the layout nor the edges.
void pack_b(const Gemm& g, const float* b, size_t depth_begin, size_t depth,
            size_t column_begin, size_t columns, float* packed) {
  for (size_t p = 0; p < depth; ++p)
    for (size_t j = 0; j < kColumns; ++j)
      packed[p * kColumns + j] =
          j < columns
              ? element(b, g.ldb, g.transpose_b, depth_begin + p, column_begin + j)
              : 0.0f;
}

/// sums[i][j] = sum over p of op(A)[row + i][p] * packed[p][j]
void multiply_rows(const Gemm& g, const float* a, size_t row, size_t rows,
                   size_t depth_begin, size_t depth, const float* packed,
                   float (&sums)[kRows][kColumns]) {
  std::fill_n(&sums[0][0], kRows * kColumns, 0.0f);
  for (size_t p = 0; p < depth; ++p) {
    const float* b_row = packed + p * kColumns;
    for (size_t i = 0; i < rows; ++i) {
      const float factor = element(a, g.lda, g.transpose_a, row + i, depth_begin + p);
      for (size_t j = 0; j < kColumns; ++j) sums[i][j] += factor * b_row[j];
    }
  }
}

void gemm_one(const Gemm& g, const float* a, const float* b, float* c,
              bool accumulate) {
  alignas(64) float packed[kDepth * kColumns];
  alignas(64) float sums[kRows][kColumns];
  if (!accumulate)
    for (size_t i = 0; i < g.m; ++i) std::fill_n(c + i * g.ldc, g.n, 0.0f);

  for (size_t column = 0; column < g.n; column += kColumns) {
    const size_t columns = std::min(kColumns, g.n - column);
    for (size_t depth_begin = 0; depth_begin < g.k; depth_begin += kDepth) {
      const size_t depth = std::min(kDepth, g.k - depth_begin);
      pack_b(g, b, depth_begin, depth, column, columns, packed);
      for (size_t row = 0; row < g.m; row += kRows) {
        const size_t rows = std::min(kRows, g.m - row);
        multiply_rows(g, a, row, rows, depth_begin, depth, packed, sums);
        for (size_t i = 0; i < rows; ++i)
          for (size_t j = 0; j < columns; ++j)
            c[(row + i) * g.ldc + column + j] += sums[i][j];
      }
    }
  }
}

}  // namespace

void gemm(const Gemm* args) {
  const Gemm& g = *args;
  for (size_t i = 0; i < g.batch; ++i) {
    float* c = g.sum_batch ? g.c : g.c + i * g.stride_c;
    const bool accumulate = g.accumulate || (g.sum_batch && i > 0);
    gemm_one(g, g.a + i * g.stride_a, g.b + i * g.stride_b, c, accumulate);
  }
}

}  // namespace generic
}  // namespace paddle
