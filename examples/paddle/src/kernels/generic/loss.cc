// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/generic/generic.h"

namespace paddle {
namespace generic {

void softmax(const float* x, float* y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r, x += columns, y += columns) {
    // exp(x - max) cannot overflow, and the quotient is the same.
    const float max = *std::max_element(x, x + columns);
    float sum = 0.0f;
    for (size_t c = 0; c < columns; ++c) {
      y[c] = std::exp(x[c] - max);
      sum += y[c];
    }
    for (size_t c = 0; c < columns; ++c) y[c] /= sum;
  }
}

void softmax_cross_entropy(const float* x, const int32_t* labels, float* losses,
                           float* dx, float weight, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r, x += columns, dx += columns) {
    const float max = *std::max_element(x, x + columns);
    float sum = 0.0f;
    for (size_t c = 0; c < columns; ++c) {
      dx[c] = std::exp(x[c] - max);
      sum += dx[c];
    }
    const auto label = static_cast<size_t>(labels[r]);
    losses[r] = std::log(sum) - (x[label] - max);
    for (size_t c = 0; c < columns; ++c) dx[c] *= weight / sum;
    dx[label] -= weight;
  }
}

void squared_error(const float* x, const float* target, float* losses, float* dx,
                   float weight, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; ++r) {
    float sum = 0.0f;
    for (size_t i = r * columns; i < (r + 1) * columns; ++i) {
      const float difference = x[i] - target[i];
      sum += difference * difference;
      dx[i] = 2.0f * weight * difference;
    }
    losses[r] = sum;
  }
}

}  // namespace generic
}  // namespace paddle
