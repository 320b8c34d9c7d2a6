// SPDX-License-Identifier: Apache-2.0
// Each family of kernels against the generic one, and that against formulas written out
// in double precision.

#include <algorithm>
#include <cstring>
#include <string>

#include "info/cpu.h"
#include "kernels/families.h"
#include "support.h"

namespace paddle::testing {
namespace {

/// Memory of a family, filled with these values.
class Floats {
 public:
  Floats(const KernelTable& family, const Values& values)
      : buffer_(family, values.size()) {
    std::copy(values.begin(), values.end(), buffer_.data());
  }
  Floats(const KernelTable& family, std::size_t count)
      : Floats(family, Values(count, 99.0f)) {}

  operator float*() { return buffer_.raw(); }
  Values values() const {
    return Values(buffer_.data(), buffer_.data() + buffer_.size());
  }

 private:
  Buffer<float> buffer_;
};

// ---- the generic family against definitions

struct GemmCase {
  std::size_t m, n, k, batch;
  bool transpose_a, transpose_b, accumulate, sum_batch;

  friend void PrintTo(const GemmCase& c, std::ostream* out) {
    *out << c.m << "x" << c.n << "x" << c.k << " batch " << c.batch
         << (c.transpose_a ? " A^T" : "") << (c.transpose_b ? " B^T" : "")
         << (c.accumulate ? " accumulate" : "") << (c.sum_batch ? " sum" : "");
  }
};

std::vector<GemmCase> gemm_cases() {
  std::vector<GemmCase> cases;
  // Around the edges of the tiles (6 x 16, 64 x 64) and blocks (128, 192) of the
  // families.
  const std::size_t sizes[][3] = {{1, 1, 1},      {6, 16, 8},    {5, 17, 3},
                                  {7, 15, 31},    {64, 64, 16},  {65, 130, 33},
                                  {25, 129, 193}, {130, 10, 400}};
  for (const auto& size : sizes)
    for (int flags = 0; flags < 8; ++flags)
      cases.push_back({size[0], size[1], size[2], 1, (flags & 1) != 0, (flags & 2) != 0,
                       (flags & 4) != 0, false});
  for (int flags = 0; flags < 4; ++flags) {
    cases.push_back({9, 20, 13, 3, (flags & 1) != 0, (flags & 2) != 0, false, false});
    cases.push_back({9, 20, 13, 3, (flags & 1) != 0, (flags & 2) != 0, true, true});
    cases.push_back({9, 20, 13, 3, (flags & 1) != 0, (flags & 2) != 0, false, true});
  }
  return cases;
}

/// Rows of C are two elements longer than needed; what lies between must stay.
constexpr std::size_t kGap = 2;

Values c_before(const GemmCase& c) {
  return random_values(c.batch * c.m * (c.n + kGap), 3);
}

Values run_gemm(const KernelTable& family, const GemmCase& c) {
  Floats a(family, random_values(c.batch * c.m * c.k, 1));
  Floats b(family, random_values(c.batch * c.k * c.n, 2));
  Floats result(family, c_before(c));
  Gemm gemm{};
  gemm.m = c.m;
  gemm.n = c.n;
  gemm.k = c.k;
  gemm.a = a;
  gemm.lda = c.transpose_a ? c.m : c.k;
  gemm.transpose_a = c.transpose_a;
  gemm.stride_a = c.m * c.k;
  gemm.b = b;
  gemm.ldb = c.transpose_b ? c.k : c.n;
  gemm.transpose_b = c.transpose_b;
  gemm.stride_b = c.k * c.n;
  gemm.c = result;
  gemm.ldc = c.n + kGap;
  gemm.stride_c = c.m * (c.n + kGap);
  gemm.accumulate = c.accumulate;
  gemm.batch = c.batch;
  gemm.sum_batch = c.sum_batch;
  family.gemm(&gemm);
  return result.values();
}

Values expected_gemm(const GemmCase& c) {
  const Values a = random_values(c.batch * c.m * c.k, 1);
  const Values b = random_values(c.batch * c.k * c.n, 2);
  const Values before = c_before(c);
  std::vector<double> sums(before.begin(), before.end());
  const std::size_t targets = c.sum_batch ? 1 : c.batch;
  if (!c.accumulate)
    for (std::size_t row = 0; row < targets * c.m; ++row)
      std::fill_n(sums.begin() + static_cast<std::ptrdiff_t>(row * (c.n + kGap)), c.n,
                  0.0);
  for (std::size_t member = 0; member < c.batch; ++member)
    for (std::size_t i = 0; i < c.m; ++i)
      for (std::size_t j = 0; j < c.n; ++j) {
        double sum = 0.0;
        for (std::size_t p = 0; p < c.k; ++p) {
          const std::size_t at_a = c.transpose_a ? p * c.m + i : i * c.k + p;
          const std::size_t at_b = c.transpose_b ? j * c.k + p : p * c.n + j;
          sum += double{a[member * c.m * c.k + at_a]} *
                 double{b[member * c.k * c.n + at_b]};
        }
        const std::size_t target = c.sum_batch ? 0 : member;
        sums[(target * c.m + i) * (c.n + kGap) + j] += sum;
      }
  return Values(sums.begin(), sums.end());
}

TEST(GenericKernels, GemmIsTheMatrixProduct) {
  for (const GemmCase& c : gemm_cases()) {
    SCOPED_TRACE(::testing::PrintToString(c));
    expect_near(run_gemm(*generic_kernels(), c), expected_gemm(c), 1e-4);
  }
}

const std::vector<ConvShape>& conv_shapes() {
  static const std::vector<ConvShape> shapes = {
      // images, channels, height, width, kernel, stride, padding, out_height, out_width
      {1, 1, 1, 1, 1, 1, 0, 1, 1}, {2, 3, 8, 8, 3, 1, 1, 8, 8},
      {3, 2, 7, 9, 3, 2, 1, 4, 5}, {2, 1, 6, 5, 5, 1, 0, 2, 1},
      {1, 4, 9, 9, 4, 3, 2, 4, 4},
  };
  return shapes;
}

std::size_t image_values(const ConvShape& s) {
  return s.images * s.channels * s.height * s.width;
}
std::size_t column_values(const ConvShape& s) {
  return s.images * s.channels * s.kernel * s.kernel * s.out_height * s.out_width;
}

Values run_im2col(const KernelTable& family, const ConvShape& s) {
  Floats x(family, random_values(image_values(s), 1));
  Floats columns(family, column_values(s));
  family.im2col(&s, x, columns);
  return columns.values();
}

Values run_col2im(const KernelTable& family, const ConvShape& s) {
  Floats columns(family, random_values(column_values(s), 2));
  Floats x(family, image_values(s));
  family.col2im(&s, columns, x);
  return x.values();
}

double dot(const Values& a, const Values& b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

// <im2col(x), c> = <x, col2im(c)> for all x and c is what backpropagation needs.
TEST(GenericKernels, Col2imIsTheAdjointOfIm2col) {
  for (const ConvShape& s : conv_shapes()) {
    const double left =
        dot(run_im2col(*generic_kernels(), s), random_values(column_values(s), 2));
    const double right =
        dot(random_values(image_values(s), 1), run_col2im(*generic_kernels(), s));
    EXPECT_NEAR(left, right, 1e-3);
  }
}

TEST(GenericKernels, Im2colUnfoldsAKnownImage) {
  // A 2 x 2 image, kernel 2, padding 1: nine positions, and the four kernel cells in
  // turn.
  const ConvShape s{1, 1, 2, 2, 2, 1, 1, 3, 3};
  Floats x(*generic_kernels(), {1, 2, 3, 4});
  Floats columns(*generic_kernels(), column_values(s));
  generic_kernels()->im2col(&s, x, columns);
  EXPECT_EQ(columns.values(), (Values{0, 0, 0, 0, 1, 2, 0, 3, 4,     // upper left cell
                                      0, 0, 0, 1, 2, 0, 3, 4, 0,     // upper right
                                      0, 1, 2, 0, 3, 4, 0, 0, 0,     // lower left
                                      1, 2, 0, 3, 4, 0, 0, 0, 0}));  // lower right
}

TEST(GenericKernels, SoftmaxOfLargeNumbersIsFinite) {
  Floats x(*generic_kernels(), {1000, 1000, -1000});
  Floats y(*generic_kernels(), 3);
  generic_kernels()->softmax(x, y, 1, 3);
  expect_near(y.values(), {0.5f, 0.5f, 0.0f}, 1e-6);
}

// ---- the other families against the generic one

class FamilyTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const bool avx2 = std::strcmp(GetParam(), "avx2") == 0;
    const KernelTable* found = avx2 ? avx2_kernels() : cuda_kernels();
    if (found == nullptr)
      GTEST_SKIP() << "this build has no " << GetParam() << " kernels";
    if (avx2 && !cpu_has_avx2_fma()) GTEST_SKIP() << "this CPU has no AVX2 and FMA";
    std::string reason;
    if (!avx2 && !cuda_usable(&reason)) GTEST_SKIP() << reason;
    family_ = found;
  }

  /// Runs the same on both families and compares the values returned.
  template <class Run>
  void expect_same(Run run, double tolerance) {
    expect_near(run(*family_), run(*generic_kernels()), tolerance);
  }

  const KernelTable* family_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(All, FamilyTest, ::testing::Values("avx2", "cuda"),
                         [](const auto& info) { return std::string(info.param); });

// Shorter than a vector, exact multiples, and everything in between.
const std::size_t kCounts[] = {1, 3, 7, 8, 9, 16, 31, 100, 1027};

TEST_P(FamilyTest, Gemm) {
  for (const GemmCase& c : gemm_cases()) {
    SCOPED_TRACE(::testing::PrintToString(c));
    expect_same([&](const KernelTable& family) { return run_gemm(family, c); }, 1e-4);
  }
}

TEST_P(FamilyTest, Binary) {
  using Kernel = void (*KernelTable::*)(const float*, const float*, float*, size_t);
  const Kernel kernels[] = {&KernelTable::add,
                            &KernelTable::subtract,
                            &KernelTable::multiply,
                            &KernelTable::relu_gradient,
                            &KernelTable::sigmoid_gradient,
                            &KernelTable::tanh_gradient};
  for (const Kernel kernel : kernels)
    for (const std::size_t n : kCounts)
      expect_same(
          [&](const KernelTable& family) {
            Floats a(family, random_values(n, 1)), b(family, random_values(n, 2));
            Floats y(family, n);
            (family.*kernel)(a, b, y, n);
            return y.values();
          },
          1e-6);
}

TEST_P(FamilyTest, Activations) {
  using Kernel = void (*KernelTable::*)(const float*, float*, size_t);
  for (const Kernel kernel :
       {&KernelTable::relu, &KernelTable::sigmoid, &KernelTable::tanh})
    for (const std::size_t n : kCounts)
      for (const float range : {0.01f, 4.0f, 200.0f})
        expect_same(
            [&](const KernelTable& family) {
              Floats x(family, random_values(n, 1, -range, range)), y(family, n);
              (family.*kernel)(x, y, n);
              return y.values();
            },
            1e-6);
}

TEST_P(FamilyTest, Fill) {
  for (const std::size_t n : kCounts)
    expect_same(
        [&](const KernelTable& family) {
          Floats y(family, random_values(n + 1, 1));
          family.fill(-1.5f, y, n);
          return y.values();
        },
        0.0);
}

TEST_P(FamilyTest, Scale) {
  for (const std::size_t n : kCounts)
    expect_same(
        [&](const KernelTable& family) {
          Floats x(family, random_values(n, 1)), y(family, n);
          family.scale(-1.5f, x, y, n);
          return y.values();
        },
        1e-6);
}

TEST_P(FamilyTest, ScaleShift) {
  for (const std::size_t columns : kCounts)
    expect_same(
        [&](const KernelTable& family) {
          Floats x(family, random_values(5 * columns, 1)), y(family, 5 * columns);
          Floats scale(family, random_values(columns, 2));
          Floats shift(family, random_values(columns, 3));
          family.scale_shift(x, scale, shift, y, 5, columns);
          return y.values();
        },
        1e-6);
}

TEST_P(FamilyTest, Bias) {
  for (const std::size_t channels : {1, 3, 8, 19})
    for (const std::size_t inner : {1, 5, 16, 300}) {
      const std::size_t outer = 4;
      const std::size_t size = outer * channels * inner;
      expect_same(
          [&](const KernelTable& family) {
            Floats y(family, random_values(size, 1));
            Floats bias(family, random_values(channels, 2));
            family.add_bias(y, bias, outer, channels, inner);
            return y.values();
          },
          1e-6);
      expect_same(
          [&](const KernelTable& family) {
            Floats x(family, random_values(size, 1));
            Floats sums(family, random_values(channels, 2));
            family.sum_bias(x, sums, outer, channels, inner);
            return sums.values();
          },
          1e-4);
    }
}

TEST_P(FamilyTest, Softmax) {
  for (const std::size_t columns : kCounts)
    expect_same(
        [&](const KernelTable& family) {
          Floats x(family, random_values(11 * columns, 1, -30.0f, 30.0f));
          Floats y(family, 11 * columns);
          family.softmax(x, y, 11, columns);
          return y.values();
        },
        1e-6);
}

TEST_P(FamilyTest, SoftmaxCrossEntropy) {
  for (const std::size_t columns : kCounts) {
    const std::size_t rows = 11;
    const auto run = [&](const KernelTable& family, bool gradient) {
      Floats x(family, random_values(rows * columns, 1, -9.0f, 9.0f));
      Floats losses(family, rows), dx(family, rows * columns);
      Buffer<std::int32_t> labels(family, rows);
      for (std::size_t r = 0; r < rows; ++r)
        labels.data()[r] = static_cast<std::int32_t>(r * 5 % columns);
      family.softmax_cross_entropy(x, labels.raw(), losses, dx, 0.25f, rows, columns);
      return gradient ? dx.values() : losses.values();
    };
    expect_same([&](const KernelTable& family) { return run(family, false); }, 2e-6);
    expect_same([&](const KernelTable& family) { return run(family, true); }, 1e-6);
  }
}

TEST_P(FamilyTest, SquaredError) {
  for (const std::size_t columns : kCounts) {
    const auto run = [&](const KernelTable& family, bool gradient) {
      Floats x(family, random_values(11 * columns, 1)),
          t(family, random_values(11 * columns, 2));
      Floats losses(family, 11), dx(family, 11 * columns);
      family.squared_error(x, t, losses, dx, 0.25f, 11, columns);
      return gradient ? dx.values() : losses.values();
    };
    expect_same([&](const KernelTable& family) { return run(family, false); }, 1e-5);
    expect_same([&](const KernelTable& family) { return run(family, true); }, 1e-6);
  }
}

TEST_P(FamilyTest, Unfolding) {
  for (const ConvShape& s : conv_shapes()) {
    expect_same([&](const KernelTable& family) { return run_im2col(family, s); }, 0.0);
    expect_same([&](const KernelTable& family) { return run_col2im(family, s); }, 1e-6);
  }
}

TEST_P(FamilyTest, MaxPool) {
  // The last rows and columns stick out of the windows.
  const PoolShape s{3, 7, 9, 2, 3, 4};
  const std::size_t in = 3 * 7 * 9, out = 3 * 3 * 4;
  const auto run = [&](const KernelTable& family, bool gradient) {
    Floats x(family, random_values(in, 1)), y(family, out);
    Floats dy(family, random_values(out, 2)), dx(family, in);
    Buffer<std::int32_t> winners(family, out);
    family.max_pool(&s, x, y, winners.raw());
    family.max_pool_gradient(&s, dy, winners.raw(), dx);
    return gradient ? dx.values() : y.values();
  };
  expect_same([&](const KernelTable& family) { return run(family, false); }, 0.0);
  expect_same([&](const KernelTable& family) { return run(family, true); }, 0.0);
}

TEST_P(FamilyTest, Updates) {
  for (const std::size_t n : kCounts) {
    expect_same(
        [&](const KernelTable& family) {
          Floats w(family, random_values(n, 1)), v(family, random_values(n, 2));
          Floats g(family, random_values(n, 3));
          for (int i = 0; i < 3; ++i) family.sgd(w, v, g, 0.1f, 0.9f, 0.01f, n);
          return w.values();
        },
        1e-5);
    expect_same(
        [&](const KernelTable& family) {
          Floats w(family, random_values(n, 1)), m(family, Values(n, 0.0f));
          Floats v(family, Values(n, 0.0f)), g(family, random_values(n, 3));
          for (int i = 1; i <= 3; ++i) {
            const AdamStep step{0.1f,
                                0.9f,
                                0.99f,
                                1e-8f,
                                0.01f,
                                1.0f - std::pow(0.9f, static_cast<float>(i)),
                                1.0f - std::pow(0.99f, static_cast<float>(i))};
            family.adam(&step, w, m, v, g, n);
          }
          return w.values();
        },
        1e-5);
  }
}

}  // namespace
}  // namespace paddle::testing
