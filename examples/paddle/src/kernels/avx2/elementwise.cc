// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace paddle {
namespace avx2 {

void add(const float* a, const float* b, float* y, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(y + i,
                     _mm256_add_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
  for (; i < n; ++i) y[i] = a[i] + b[i];
}

void subtract(const float* a, const float* b, float* y, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(y + i,
                     _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
  for (; i < n; ++i) y[i] = a[i] - b[i];
}

void multiply(const float* a, const float* b, float* y, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(y + i,
                     _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
  for (; i < n; ++i) y[i] = a[i] * b[i];
}

void scale(float factor, const float* x, float* y, size_t n) {
  const __m256 factors = _mm256_set1_ps(factor);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(y + i, _mm256_mul_ps(factors, _mm256_loadu_ps(x + i)));
  for (; i < n; ++i) y[i] = factor * x[i];
}

void scale_shift(const float* x, const float* scale, const float* shift, float* y,
                 size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r, x += columns, y += columns) {
    size_t c = 0;
    for (; c + kLanes <= columns; c += kLanes)
      _mm256_storeu_ps(
          y + c, _mm256_fmadd_ps(_mm256_loadu_ps(x + c), _mm256_loadu_ps(scale + c),
                                 _mm256_loadu_ps(shift + c)));
    for (; c < columns; ++c) y[c] = x[c] * scale[c] + shift[c];
  }
}

void add_bias(float* y, const float* bias, size_t outer, size_t channels,
              size_t inner) {
  // A dense layer's bias (inner is 1) runs along the row: add it as a vector.
  if (inner == 1) {
    for (size_t o = 0; o < outer; ++o, y += channels) add(y, bias, y, channels);
    return;
  }
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < channels; ++c, y += inner) {
      const __m256 value = _mm256_set1_ps(bias[c]);
      size_t i = 0;
      for (; i + kLanes <= inner; i += kLanes)
        _mm256_storeu_ps(y + i, _mm256_add_ps(_mm256_loadu_ps(y + i), value));
      for (; i < inner; ++i) y[i] += bias[c];
    }
}

void sum_bias(const float* x, float* sums, size_t outer, size_t channels,
              size_t inner) {
  if (inner == 1) {
    for (size_t o = 0; o < outer; ++o, x += channels) add(sums, x, sums, channels);
    return;
  }
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < channels; ++c, x += inner) {
      __m256 partial = _mm256_setzero_ps();
      size_t i = 0;
      for (; i + kLanes <= inner; i += kLanes)
        partial = _mm256_add_ps(partial, _mm256_loadu_ps(x + i));
      float sum = horizontal_sum(partial);
      for (; i < inner; ++i) sum += x[i];
      sums[c] += sum;
    }
}

}  // namespace avx2
}  // namespace paddle
