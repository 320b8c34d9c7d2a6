// SPDX-License-Identifier: Apache-2.0
#include "kernels/generic/generic.h"

namespace paddle {
namespace generic {

void fill(float value, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = value;
}

void add(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

void subtract(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = a[i] - b[i];
}

void multiply(const float* a, const float* b, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
}

void scale(float factor, const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = factor * x[i];
}

void scale_shift(const float* x, const float* scale, const float* shift, float* y,
                 size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c)
      y[r * columns + c] = x[r * columns + c] * scale[c] + shift[c];
}

void add_bias(float* y, const float* bias, size_t outer, size_t channels,
              size_t inner) {
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < channels; ++c)
      for (size_t i = 0; i < inner; ++i) y[(o * channels + c) * inner + i] += bias[c];
}

void sum_bias(const float* x, float* sums, size_t outer, size_t channels,
              size_t inner) {
  for (size_t o = 0; o < outer; ++o)
    for (size_t c = 0; c < channels; ++c) {
      float sum = 0.0f;
      for (size_t i = 0; i < inner; ++i) sum += x[(o * channels + c) * inner + i];
      sums[c] += sum;
    }
}

}  // namespace generic
}  // namespace paddle
