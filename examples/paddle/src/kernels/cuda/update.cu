// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

__global__ void sgd_kernel(float* weights, float* velocity, const float* gradient,
                           float learning_rate, float momentum, float weight_decay,
                           size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) {
    const float v = momentum * velocity[i] + gradient[i] + weight_decay * weights[i];
    velocity[i] = v;
    weights[i] -= learning_rate * v;
  }
}

__global__ void adam_kernel(AdamStep s, float* weights, float* mean, float* variance,
                            const float* gradient, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) {
    const float g = gradient[i] + s.weight_decay * weights[i];
    const float m = s.beta1 * mean[i] + (1.0f - s.beta1) * g;
    const float v = s.beta2 * variance[i] + (1.0f - s.beta2) * g * g;
    mean[i] = m;
    variance[i] = v;
    weights[i] -=
        s.learning_rate * (m / s.correction1) / (sqrtf(v / s.correction2) + s.epsilon);
  }
}

}  // namespace

void sgd(float* weights, float* velocity, const float* gradient, float learning_rate,
         float momentum, float weight_decay, size_t n) {
  if (n == 0) return;
  sgd_kernel<<<blocks_for(n), kThreads>>>(weights, velocity, gradient, learning_rate,
                                          momentum, weight_decay, n);
  check(cudaGetLastError(), "sgd");
}

void adam(const AdamStep* step, float* weights, float* mean, float* variance,
          const float* gradient, size_t n) {
  if (n == 0) return;
  adam_kernel<<<blocks_for(n), kThreads>>>(*step, weights, mean, variance, gradient, n);
  check(cudaGetLastError(), "adam");
}

}  // namespace cuda
}  // namespace paddle
