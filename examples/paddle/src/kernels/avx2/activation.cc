// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace paddle {
namespace avx2 {

// The whole steps of a loop and its tail compute the same expression; with masked loads
// and stores the tail needs no scalar twin of it (there is no scalar `exponential`).
template <class Function>
static inline void map(const float* x, float* y, size_t n, Function function) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(y + i, function(_mm256_loadu_ps(x + i)));
  if (i == n) return;
  const __m256i mask = tail_mask(n - i);
  _mm256_maskstore_ps(y + i, mask, function(_mm256_maskload_ps(x + i, mask)));
}

template <class Function>
static inline void map2(const float* a, const float* b, float* y, size_t n,
                        Function function) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    _mm256_storeu_ps(y + i, function(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
  if (i == n) return;
  const __m256i mask = tail_mask(n - i);
  _mm256_maskstore_ps(
      y + i, mask,
      function(_mm256_maskload_ps(a + i, mask), _mm256_maskload_ps(b + i, mask)));
}

void relu(const float* x, float* y, size_t n) {
  map(x, y, n, [](__m256 v) { return _mm256_max_ps(v, _mm256_setzero_ps()); });
}

void relu_gradient(const float* y, const float* dy, float* dx, size_t n) {
  map2(y, dy, dx, n, [](__m256 v, __m256 d) {
    return _mm256_and_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GT_OQ), d);
  });
}

void sigmoid(const float* x, float* y, size_t n) {
  map(x, y, n, [](__m256 v) {
    const __m256 one = _mm256_set1_ps(1.0f);
    const __m256 e = exponential(_mm256_sub_ps(_mm256_setzero_ps(), v));
    return _mm256_div_ps(one, _mm256_add_ps(one, e));
  });
}

void sigmoid_gradient(const float* y, const float* dy, float* dx, size_t n) {
  map2(y, dy, dx, n, [](__m256 v, __m256 d) {
    const __m256 slope = _mm256_fnmadd_ps(v, v, v);  // v - v^2
    return _mm256_mul_ps(d, slope);
  });
}

void tanh(const float* x, float* y, size_t n) {
  map(x, y, n, [](__m256 v) {
    // tanh x = 1 - 2 / (e^2x + 1)
    const __m256 one = _mm256_set1_ps(1.0f);
    const __m256 e = exponential(_mm256_add_ps(v, v));
    return _mm256_sub_ps(one,
                         _mm256_div_ps(_mm256_set1_ps(2.0f), _mm256_add_ps(e, one)));
  });
}

void tanh_gradient(const float* y, const float* dy, float* dx, size_t n) {
  map2(y, dy, dx, n, [](__m256 v, __m256 d) {
    return _mm256_mul_ps(d, _mm256_fnmadd_ps(v, v, _mm256_set1_ps(1.0f)));
  });
}

}  // namespace avx2
}  // namespace paddle
