// SPDX-License-Identifier: Apache-2.0
// The only file that is compiled with the build's options (PADDLE_WITH_AVX and
// PADDLE_WITH_GPU, both 0 or 1). Everything else is the same in every variant.

#include "kernels/families.h"

#include "kernels/generic/generic.h"

#if PADDLE_WITH_AVX
#include "kernels/avx2/avx2.h"
#endif
#if PADDLE_WITH_GPU
#include "kernels/cuda/cuda_family.h"
#endif

namespace paddle {

const char* build_options() {
#if PADDLE_WITH_GPU && PADDLE_WITH_AVX
  return "GPU=ON AVX=ON";
#elif PADDLE_WITH_GPU
  return "GPU=ON AVX=OFF";
#elif PADDLE_WITH_AVX
  return "GPU=OFF AVX=ON";
#else
  return "GPU=OFF AVX=OFF";
#endif
}

bool built_with_avx() { return PADDLE_WITH_AVX != 0; }

const KernelTable* generic_kernels() { return &generic::kTable; }

const KernelTable* avx2_kernels() {
#if PADDLE_WITH_AVX
  return &avx2::kTable;
#else
  return nullptr;
#endif
}

#if PADDLE_WITH_GPU
const KernelTable* cuda_kernels() { return &cuda::kTable; }
bool cuda_usable(std::string* reason) {
  const char* problem = cuda::device_problem();
  if (problem == nullptr) return true;
  *reason = problem;
  return false;
}
#else
const KernelTable* cuda_kernels() { return nullptr; }
bool cuda_usable(std::string* reason) {
  *reason = "this build has no GPU kernels";
  return false;
}
#endif

}  // namespace paddle
