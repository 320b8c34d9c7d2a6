// SPDX-License-Identifier: Apache-2.0
#include "info/self_check.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "core/storage.h"
#include "core/thread_pool.h"
#include "info/cpu.h"
#include "info/version.h"
#include "kernels/dispatch.h"
#include "kernels/families.h"

namespace paddle {
namespace {

using Values = std::vector<float>;

/// The same values for every family.
Values random_values(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Values values(count);
  for (float& value : values) value = random.uniform(-2.0f, 2.0f);
  return values;
}

Buffer<float> on_family(const KernelTable& family, const Values& values) {
  Buffer<float> buffer(family, values.size());
  std::copy(values.begin(), values.end(), buffer.data());
  return buffer;
}

Values from_family(const Buffer<float>& buffer) {
  return Values(buffer.data(), buffer.data() + buffer.size());
}

// Odd sizes, so that the edges of tiles and vectors are part of the check.
constexpr std::size_t kRows = 37, kColumns = 29, kDepth = 211, kCount = 1003;

Values check_gemm(const KernelTable& family) {
  const auto a = on_family(family, random_values(kRows * kDepth, 1));
  const auto b = on_family(family, random_values(kDepth * kColumns, 2));
  Buffer<float> c(family, kRows * kColumns);
  Gemm gemm{};
  gemm.m = kRows;
  gemm.n = kColumns;
  gemm.k = kDepth;
  gemm.a = a.raw();
  gemm.lda = kDepth;
  gemm.b = b.raw();
  gemm.ldb = kColumns;
  gemm.c = c.raw();
  gemm.ldc = kColumns;
  gemm.batch = 1;
  family.gemm(&gemm);
  return from_family(c);
}

Values check_sigmoid(const KernelTable& family) {
  const auto x = on_family(family, random_values(kCount, 3));
  Buffer<float> y(family, kCount);
  family.sigmoid(x.raw(), y.raw(), kCount);
  return from_family(y);
}

Values check_softmax(const KernelTable& family) {
  const auto x = on_family(family, random_values(kRows * kColumns, 4));
  Buffer<float> y(family, kRows * kColumns);
  family.softmax(x.raw(), y.raw(), kRows, kColumns);
  return from_family(y);
}

Values check_im2col(const KernelTable& family) {
  const ConvShape shape{2, 3, 9, 7, 3, 2, 1, 5, 4};
  const auto x = on_family(family, random_values(2 * 3 * 9 * 7, 5));
  Buffer<float> columns(family, 2 * 3 * 3 * 3 * 5 * 4);
  family.im2col(&shape, x.raw(), columns.raw());
  return from_family(columns);
}

Values check_adam(const KernelTable& family) {
  auto weights = on_family(family, random_values(kCount, 6));
  auto mean = on_family(family, Values(kCount, 0.0f));
  auto variance = on_family(family, Values(kCount, 0.0f));
  const auto gradient = on_family(family, random_values(kCount, 7));
  const AdamStep step{0.01f, 0.9f, 0.999f, 1e-8f, 0.001f, 0.1f, 0.001f};
  family.adam(&step, weights.raw(), mean.raw(), variance.raw(), gradient.raw(), kCount);
  return from_family(weights);
}

struct Check {
  const char* name;
  Values (*run)(const KernelTable&);
};

constexpr Check kChecks[] = {
    {"matrix product", check_gemm}, {"sigmoid", check_sigmoid},
    {"softmax", check_softmax},     {"unfolding", check_im2col},
    {"Adam step", check_adam},
};

double largest_difference(const Values& a, const Values& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::fabs(double{a[i]} - double{b[i]});
    if (std::isnan(difference)) return INFINITY;
    largest = std::max(largest, difference);
  }
  return largest;
}

bool compare(const KernelTable& family,
             const std::function<void(const std::string&)>& report) {
  // Sums of 211 products of numbers up to 4 may differ in the last places.
  constexpr double kTolerance = 1e-3;
  bool all_well = true;
  for (const Check& check : kChecks) {
    const double difference =
        largest_difference(check.run(*generic_kernels()), check.run(family));
    const bool well = difference <= kTolerance;
    all_well = all_well && well;
    report(concat("  ", check.name, ": largest difference ", difference,
                  well ? "" : "  <-- WRONG"));
  }
  return all_well;
}

}  // namespace

bool self_check(const std::function<void(const std::string&)>& report) {
  report(concat("paddle ", version(), " (", build_options(), ")"));
  report(concat("CPU: ", cpu_features()));
  std::string gpu_problem;
  const bool gpu = cuda_usable(&gpu_problem);
  report(gpu ? "GPU: usable" : concat("GPU: ", gpu_problem));
  report(concat("computes with the ", kernels().name, " kernels on ", thread_count(),
                thread_count() == 1 ? " thread" : " threads"));

  bool all_well = true;
  const KernelTable* families[] = {avx2_kernels(), gpu ? cuda_kernels() : nullptr};
  bool compared = false;
  for (const KernelTable* family : families) {
    if (family == nullptr) continue;
    report(concat(family->name, " against generic:"));
    all_well = compare(*family, report) && all_well;
    compared = true;
  }
  if (!compared) report("generic kernels only: nothing to compare them with");
  report(all_well ? "all is well"
                  : "the kernels do not agree: do not trust this build");
  return all_well;
}

}  // namespace paddle
