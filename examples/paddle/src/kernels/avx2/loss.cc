// SPDX-License-Identifier: Apache-2.0
#include <math.h>

#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace paddle {
namespace avx2 {

static float row_maximum(const float* x, size_t n) {
  __m256 best = _mm256_set1_ps(x[0]);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    best = _mm256_max_ps(best, _mm256_loadu_ps(x + i));
  float max = horizontal_max(best);
  for (; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}

/// y = e^(x - shift); returns the sum of y.
static float shifted_exponentials(const float* x, float shift, float* y, size_t n) {
  const __m256 shifts = _mm256_set1_ps(shift);
  __m256 sum = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const __m256 e = exponential(_mm256_sub_ps(_mm256_loadu_ps(x + i), shifts));
    _mm256_storeu_ps(y + i, e);
    sum = _mm256_add_ps(sum, e);
  }
  if (i < n) {
    const __m256i mask = tail_mask(n - i);
    const __m256 e =
        exponential(_mm256_sub_ps(_mm256_maskload_ps(x + i, mask), shifts));
    _mm256_maskstore_ps(y + i, mask, e);
    // The masked-out lanes hold e^-shift, not 0.
    sum = _mm256_add_ps(sum, _mm256_and_ps(e, _mm256_castsi256_ps(mask)));
  }
  return horizontal_sum(sum);
}

void softmax(const float* x, float* y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r, x += columns, y += columns) {
    const float sum = shifted_exponentials(x, row_maximum(x, columns), y, columns);
    scale(1.0f / sum, y, y, columns);
  }
}

void softmax_cross_entropy(const float* x, const int32_t* labels, float* losses,
                           float* dx, float weight, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r, x += columns, dx += columns) {
    const float max = row_maximum(x, columns);
    const float sum = shifted_exponentials(x, max, dx, columns);
    losses[r] = logf(sum) - (x[labels[r]] - max);
    scale(weight / sum, dx, dx, columns);
    dx[labels[r]] -= weight;
  }
}

void squared_error(const float* x, const float* target, float* losses, float* dx,
                   float weight, size_t rows, size_t columns) {
  const __m256 twice_weight = _mm256_set1_ps(2.0f * weight);
  for (size_t r = 0; r < rows; ++r, x += columns, target += columns, dx += columns) {
    __m256 sum = _mm256_setzero_ps();
    size_t i = 0;
    for (; i + kLanes <= columns; i += kLanes) {
      const __m256 d =
          _mm256_sub_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(target + i));
      sum = _mm256_fmadd_ps(d, d, sum);
      _mm256_storeu_ps(dx + i, _mm256_mul_ps(twice_weight, d));
    }
    float loss = horizontal_sum(sum);
    for (; i < columns; ++i) {
      const float d = x[i] - target[i];
      loss += d * d;
      dx[i] = 2.0f * weight * d;
    }
    losses[r] = loss;
  }
}

}  // namespace avx2
}  // namespace paddle
