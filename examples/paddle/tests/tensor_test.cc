// SPDX-License-Identifier: Apache-2.0
#include "core/shape.h"
#include "ops/ops.h"
#include "support.h"

namespace paddle::testing {
namespace {

TEST(Shape, CountsElements) {
  EXPECT_EQ(element_count({}), 1u);
  EXPECT_EQ(element_count({2, 3, 4}), 24u);
  EXPECT_EQ(element_count({2, 0}), 0u);
  EXPECT_EQ(to_string({2, 3}), "2x3");
  expect_contains(error_of([] { element_count({2, -1}); }), "negative");
  expect_contains(error_of([] { element_count({1 << 30, 1 << 30, 1 << 30}); }),
                  "too large");
}

TEST(Tensor, KeepsItsMemoryWhenItShrinks) {
  Tensor x({10, 10});
  const float* before = x.data();
  x.resize({5, 5});
  EXPECT_EQ(x.data(), before);
  EXPECT_EQ(x.size(), 25u);
}

TEST(Tensor, CloneIsAnotherTensor) {
  Tensor x = Tensor::full({3}, 1.0f);
  const Tensor y = x.clone();
  x.fill(2.0f);
  EXPECT_EQ(y.to_vector(), (Values{1, 1, 1}));
}

TEST(Tensor, ReshapeKeepsTheElements) {
  Tensor x = Tensor::from({2, 2}, {1, 2, 3, 4});
  x.reshape({4});
  EXPECT_EQ(x.to_vector(), (Values{1, 2, 3, 4}));
  expect_contains(error_of([&] { x.reshape({3}); }), "as 3");
}

TEST(Ops, MatmulOfKnownMatrices) {
  const Tensor a = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = Tensor::from({3, 2}, {7, 8, 9, 10, 11, 12});
  Tensor c;
  ops::matmul(a, false, b, false, c);
  EXPECT_EQ(c.to_vector(), (Values{58, 64, 139, 154}));
  ops::matmul(a, true, b, true, c);
  EXPECT_EQ(c.shape(), (Shape{3, 3}));
  EXPECT_EQ(c.to_vector(), (Values{39, 49, 59, 54, 68, 82, 69, 87, 105}));
  expect_contains(error_of([&] { ops::matmul(a, false, a, false, c); }), "2x3 by 2x3");
}

TEST(Ops, ConvolutionOfAKnownImage) {
  const Tensor x = Tensor::from({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor weights = Tensor::from({1, 1, 2, 2}, {1, 0, 0, -1});
  const Tensor bias = Tensor::from({1}, {0.5f});
  Tensor columns, y;
  ops::conv2d(ops::conv_shape(x.shape(), 2, 1, 0), x, weights, bias, columns, y);
  EXPECT_EQ(y.shape(), (Shape{1, 1, 2, 2}));
  EXPECT_EQ(y.to_vector(), (Values{-3.5f, -3.5f, -3.5f, -3.5f}));
}

TEST(Ops, ShapesMustAgree) {
  const Tensor a = random_tensor({2, 3}, 1);
  const Tensor b = random_tensor({3, 2}, 2);
  Tensor y;
  expect_contains(error_of([&] { ops::add(a, b, y); }), "2x3 and 3x2 differ");
}

TEST(Random, IsUniformAndNormal) {
  Random random(1);
  double sum = 0.0, squares = 0.0, uniform = 0.0;
  const int count = 20000;
  for (int i = 0; i < count; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    uniform += random.uniform();
  }
  EXPECT_NEAR(sum / count, 0.0, 0.03);
  EXPECT_NEAR(squares / count, 1.0, 0.05);
  EXPECT_NEAR(uniform / count, 0.5, 0.02);
}

}  // namespace
}  // namespace paddle::testing
