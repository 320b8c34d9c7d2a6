// SPDX-License-Identifier: Apache-2.0
#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

struct Relu {
  __device__ float operator()(float x) const { return x > 0.0f ? x : 0.0f; }
};
struct ReluGradient {
  __device__ float operator()(float y, float dy) const { return y > 0.0f ? dy : 0.0f; }
};
struct Sigmoid {
  __device__ float operator()(float x) const { return 1.0f / (1.0f + expf(-x)); }
};
struct SigmoidGradient {
  __device__ float operator()(float y, float dy) const { return dy * y * (1.0f - y); }
};
struct Tanh {
  __device__ float operator()(float x) const { return tanhf(x); }
};
struct TanhGradient {
  __device__ float operator()(float y, float dy) const { return dy * (1.0f - y * y); }
};

template <class Function>
__global__ void map_kernel(Function function, const float* x, float* y, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step()) y[i] = function(x[i]);
}

template <class Function>
__global__ void map2_kernel(Function function, const float* y, const float* dy,
                            float* dx, size_t n) {
  for (size_t i = first_index(); i < n; i += index_step())
    dx[i] = function(y[i], dy[i]);
}

template <class Function>
void map(Function function, const float* x, float* y, size_t n, const char* what) {
  if (n == 0) return;
  map_kernel<<<blocks_for(n), kThreads>>>(function, x, y, n);
  check(cudaGetLastError(), what);
}

template <class Function>
void map2(Function function, const float* y, const float* dy, float* dx, size_t n,
          const char* what) {
  if (n == 0) return;
  map2_kernel<<<blocks_for(n), kThreads>>>(function, y, dy, dx, n);
  check(cudaGetLastError(), what);
}

}  // namespace

void relu(const float* x, float* y, size_t n) { map(Relu(), x, y, n, "relu"); }

void relu_gradient(const float* y, const float* dy, float* dx, size_t n) {
  map2(ReluGradient(), y, dy, dx, n, "relu_gradient");
}

void sigmoid(const float* x, float* y, size_t n) { map(Sigmoid(), x, y, n, "sigmoid"); }

void sigmoid_gradient(const float* y, const float* dy, float* dx, size_t n) {
  map2(SigmoidGradient(), y, dy, dx, n, "sigmoid_gradient");
}

void tanh(const float* x, float* y, size_t n) { map(Tanh(), x, y, n, "tanh"); }

void tanh_gradient(const float* y, const float* dy, float* dx, size_t n) {
  map2(TanhGradient(), y, dy, dx, n, "tanh_gradient");
}

}  // namespace cuda
}  // namespace paddle
