// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "core/error.h"
#include "kernels/cuda/launch.cuh"

namespace paddle {
namespace cuda {
namespace {

/// Exists to be asked about: whether this build has code for the device.
__global__ void probe_kernel() {}

}  // namespace

const char* device_problem() {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    return "this build can use a GPU, but there is no NVIDIA driver here";

  static char text[512];
  int devices = 0;
  cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaSuccess && devices == 0) status = cudaErrorNoDevice;
  if (status != cudaSuccess) {
    std::snprintf(text, sizeof text,
                  "this build can use a GPU, but the driver says: %s",
                  cudaGetErrorString(status));
    return text;
  }

  cudaDeviceProp device{};
  cudaFuncAttributes attributes{};
  status = cudaGetDeviceProperties(&device, 0);
  if (status == cudaSuccess) status = cudaFuncGetAttributes(&attributes, probe_kernel);
  if (status != cudaSuccess) {
    std::snprintf(
        text, sizeof text,
        "this build has no code for the GPU here (%s, compute capability %d.%d)",
        device.name, device.major, device.minor);
    return text;
  }
  if (!device.managedMemory) return "the GPU here does not support managed memory";
  return nullptr;
}

void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    fail("GPU error in ", what, ": ", cudaGetErrorString(status));
}

void* allocate(size_t bytes) {
  void* memory = nullptr;
  // A null pointer says "out of memory" to the caller, who knows how much was asked
  // for.
  return cudaMallocManaged(&memory, bytes) == cudaSuccess ? memory : nullptr;
}

void release(void* memory) { cudaFree(memory); }

void synchronize() { check(cudaStreamSynchronize(nullptr), "a kernel"); }

const KernelTable kTable = {
    "cuda",
    true,
    allocate,
    release,
    synchronize,
    gemm,
    fill,
    add,
    subtract,
    multiply,
    scale,
    scale_shift,
    add_bias,
    sum_bias,
    relu,
    relu_gradient,
    sigmoid,
    sigmoid_gradient,
    tanh,
    tanh_gradient,
    softmax,
    softmax_cross_entropy,
    squared_error,
    im2col,
    col2im,
    max_pool,
    max_pool_gradient,
    sgd,
    adam,
};

}  // namespace cuda
}  // namespace paddle
