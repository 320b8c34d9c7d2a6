// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/generic/generic.h"

namespace paddle {
namespace generic {

void sgd(float* weights, float* velocity, const float* gradient, float learning_rate,
         float momentum, float weight_decay, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    velocity[i] = momentum * velocity[i] + gradient[i] + weight_decay * weights[i];
    weights[i] -= learning_rate * velocity[i];
  }
}

void adam(const AdamStep* step, float* weights, float* mean, float* variance,
          const float* gradient, size_t n) {
  const AdamStep s = *step;
  for (size_t i = 0; i < n; ++i) {
    const float g = gradient[i] + s.weight_decay * weights[i];
    mean[i] = s.beta1 * mean[i] + (1.0f - s.beta1) * g;
    variance[i] = s.beta2 * variance[i] + (1.0f - s.beta2) * g * g;
    const float unbiased_mean = mean[i] / s.correction1;
    const float unbiased_variance = variance[i] / s.correction2;
    weights[i] -=
        s.learning_rate * unbiased_mean / (std::sqrt(unbiased_variance) + s.epsilon);
  }
}

}  // namespace generic
}  // namespace paddle
