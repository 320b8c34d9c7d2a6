// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/avx2.h"
#include "kernels/avx2/vector.h"

namespace paddle {
namespace avx2 {

// Both updates go over several arrays at once. The last step of the loop masks its
// loads and stores; the others pass an all-on mask, which costs next to nothing beside
// the memory traffic and keeps the formula in one place.

void sgd(float* weights, float* velocity, const float* gradient, float learning_rate,
         float momentum, float weight_decay, size_t n) {
  const __m256 rate = _mm256_set1_ps(learning_rate);
  const __m256 keep = _mm256_set1_ps(momentum);
  const __m256 decay = _mm256_set1_ps(weight_decay);
  for (size_t i = 0; i < n; i += kLanes) {
    const __m256i mask = tail_mask(n - i < kLanes ? n - i : kLanes);
    const __m256 w = _mm256_maskload_ps(weights + i, mask);
    const __m256 g = _mm256_fmadd_ps(decay, w, _mm256_maskload_ps(gradient + i, mask));
    const __m256 v = _mm256_fmadd_ps(keep, _mm256_maskload_ps(velocity + i, mask), g);
    _mm256_maskstore_ps(velocity + i, mask, v);
    _mm256_maskstore_ps(weights + i, mask, _mm256_fnmadd_ps(rate, v, w));
  }
}

void adam(const AdamStep* step, float* weights, float* mean, float* variance,
          const float* gradient, size_t n) {
  const __m256 beta1 = _mm256_set1_ps(step->beta1);
  const __m256 beta2 = _mm256_set1_ps(step->beta2);
  const __m256 rest1 = _mm256_set1_ps(1.0f - step->beta1);
  const __m256 rest2 = _mm256_set1_ps(1.0f - step->beta2);
  const __m256 decay = _mm256_set1_ps(step->weight_decay);
  const __m256 rate = _mm256_set1_ps(step->learning_rate / step->correction1);
  const __m256 unbias2 = _mm256_set1_ps(1.0f / step->correction2);
  const __m256 epsilon = _mm256_set1_ps(step->epsilon);
  for (size_t i = 0; i < n; i += kLanes) {
    const __m256i mask = tail_mask(n - i < kLanes ? n - i : kLanes);
    const __m256 w = _mm256_maskload_ps(weights + i, mask);
    const __m256 g = _mm256_fmadd_ps(decay, w, _mm256_maskload_ps(gradient + i, mask));
    const __m256 m = _mm256_fmadd_ps(beta1, _mm256_maskload_ps(mean + i, mask),
                                     _mm256_mul_ps(rest1, g));
    const __m256 v = _mm256_fmadd_ps(beta2, _mm256_maskload_ps(variance + i, mask),
                                     _mm256_mul_ps(rest2, _mm256_mul_ps(g, g)));
    const __m256 divisor =
        _mm256_add_ps(_mm256_sqrt_ps(_mm256_mul_ps(v, unbias2)), epsilon);
    _mm256_maskstore_ps(mean + i, mask, m);
    _mm256_maskstore_ps(variance + i, mask, v);
    _mm256_maskstore_ps(weights + i, mask,
                        _mm256_fnmadd_ps(rate, _mm256_div_ps(m, divisor), w));
  }
}

}  // namespace avx2
}  // namespace paddle
