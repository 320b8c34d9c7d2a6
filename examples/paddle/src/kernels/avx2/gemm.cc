// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace paddle {
namespace avx2 {

// A tile of C of 6 rows by 16 columns lives in 12 of the 16 vector registers while the
// micro-kernel runs over the depth; two more hold a row of B and one a factor of A.
static const size_t kTileRows = 6;
static const size_t kTileColumns = 16;

// Packed blocks: A fits the first-level cache and B the second.
static const size_t kDepth = 192;
static const size_t kBlockRows = 4 * kTileRows;
static const size_t kBlockColumns = 8 * kTileColumns;

static inline size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/// Packs rows [row, row + rows) of op(A) into panels of 6 rows, column after column;
/// missing rows are zeros, so the micro-kernel always computes a whole tile.
static void pack_a(const Gemm* g, const float* a, size_t row, size_t rows,
                   size_t depth_begin, size_t depth, float* packed) {
  const size_t row_step = g->transpose_a ? 1 : g->lda;
  const size_t depth_step = g->transpose_a ? g->lda : 1;
  for (size_t panel = 0; panel < rows; panel += kTileRows)
    for (size_t p = 0; p < depth; ++p)
      for (size_t i = 0; i < kTileRows; ++i) {
        const bool inside = panel + i < rows;
        *packed++ =
            inside ? a[(row + panel + i) * row_step + (depth_begin + p) * depth_step]
                   : 0.0f;
      }
}

/// The same for op(B), into panels of 16 columns, row after row.
static void pack_b(const Gemm* g, const float* b, size_t column, size_t columns,
                   size_t depth_begin, size_t depth, float* packed) {
  const size_t column_step = g->transpose_b ? g->ldb : 1;
  const size_t depth_step = g->transpose_b ? 1 : g->ldb;
  for (size_t panel = 0; panel < columns; panel += kTileColumns)
    for (size_t p = 0; p < depth; ++p)
      for (size_t j = 0; j < kTileColumns; ++j) {
        const bool inside = panel + j < columns;
        *packed++ =
            inside
                ? b[(column + panel + j) * column_step + (depth_begin + p) * depth_step]
                : 0.0f;
      }
}

/// tile = panel of A (depth x 6) times panel of B (depth x 16)
static inline void multiply_panels(const float* a, const float* b, size_t depth,
                                   __m256 tile[kTileRows][2]) {
  __m256 sum[kTileRows][2];
  for (size_t i = 0; i < kTileRows; ++i) sum[i][0] = sum[i][1] = _mm256_setzero_ps();
  for (size_t p = 0; p < depth; ++p, a += kTileRows, b += kTileColumns) {
    const __m256 left = _mm256_load_ps(b);
    const __m256 right = _mm256_load_ps(b + kLanes);
    for (size_t i = 0; i < kTileRows; ++i) {
      const __m256 factor = _mm256_broadcast_ss(a + i);
      sum[i][0] = _mm256_fmadd_ps(factor, left, sum[i][0]);
      sum[i][1] = _mm256_fmadd_ps(factor, right, sum[i][1]);
    }
  }
  for (size_t i = 0; i < kTileRows; ++i) {
    tile[i][0] = sum[i][0];
    tile[i][1] = sum[i][1];
  }
}

/// c += tile, for the rows and columns that exist
static void add_tile(const __m256 tile[kTileRows][2], float* c, size_t ldc, size_t rows,
                     size_t columns) {
  const __m256i left_mask = tail_mask(smaller(columns, kLanes));
  const __m256i right_mask = tail_mask(columns > kLanes ? columns - kLanes : 0);
  for (size_t i = 0; i < rows; ++i, c += ldc) {
    const __m256 left = _mm256_add_ps(_mm256_maskload_ps(c, left_mask), tile[i][0]);
    _mm256_maskstore_ps(c, left_mask, left);
    if (columns <= kLanes) continue;
    const __m256 right =
        _mm256_add_ps(_mm256_maskload_ps(c + kLanes, right_mask), tile[i][1]);
    _mm256_maskstore_ps(c + kLanes, right_mask, right);
  }
}

static void gemm_one(const Gemm* g, const float* a, const float* b, float* c,
                     bool accumulate) {
  alignas(32) float packed_a[kBlockRows * kDepth];
  alignas(32) float packed_b[kBlockColumns * kDepth];
  if (!accumulate)
    for (size_t i = 0; i < g->m; ++i)
      for (size_t j = 0; j < g->n; ++j) c[i * g->ldc + j] = 0.0f;

  for (size_t column = 0; column < g->n; column += kBlockColumns) {
    const size_t columns = smaller(kBlockColumns, g->n - column);
    for (size_t depth_begin = 0; depth_begin < g->k; depth_begin += kDepth) {
      const size_t depth = smaller(kDepth, g->k - depth_begin);
      pack_b(g, b, column, columns, depth_begin, depth, packed_b);
      for (size_t row = 0; row < g->m; row += kBlockRows) {
        const size_t rows = smaller(kBlockRows, g->m - row);
        pack_a(g, a, row, rows, depth_begin, depth, packed_a);
        for (size_t j = 0; j < columns; j += kTileColumns)
          for (size_t i = 0; i < rows; i += kTileRows) {
            __m256 tile[kTileRows][2];
            multiply_panels(packed_a + i * depth, packed_b + j * depth, depth, tile);
            add_tile(tile, c + (row + i) * g->ldc + column + j, g->ldc,
                     smaller(kTileRows, rows - i), smaller(kTileColumns, columns - j));
          }
      }
    }
  }
}

void gemm(const Gemm* args) {
  for (size_t i = 0; i < args->batch; ++i) {
    float* c = args->sum_batch ? args->c : args->c + i * args->stride_c;
    const bool accumulate = args->accumulate || (args->sum_batch && i > 0);
    gemm_one(args, args->a + i * args->stride_a, args->b + i * args->stride_b, c,
             accumulate);
  }
}

}  // namespace avx2
}  // namespace paddle
