// SPDX-License-Identifier: Apache-2.0
// Backpropagation against finite differences, for each layer and both losses.

#include <functional>

#include "kernels/dispatch.h"
#include "nn/model.h"
#include "ops/ops.h"
#include "support.h"

namespace paddle::testing {
namespace {

/// Compares `gradient` with the slope of loss() when one element of `values` changes.
void expect_gradient(Tensor& values, const Values& gradient,
                     const std::function<double()>& loss) {
  // Large enough for the rounding of float sums, small enough for the curvature.
  constexpr float kStep = 1e-2f;
  ASSERT_EQ(values.size(), gradient.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float kept = values.data()[i];
    values.data()[i] = kept + kStep;
    const double above = loss();
    values.data()[i] = kept - kStep;
    const double below = loss();
    values.data()[i] = kept;
    const double slope = (above - below) / (2.0 * double{kStep});
    ASSERT_NEAR(gradient[i], slope, 2e-3 + 2e-2 * std::fabs(slope)) << "at index " << i;
  }
}

/// A model of these layers, under the squared error from some target.
void check_layers(const std::string& layers, const Shape& sample) {
  SCOPED_TRACE(layers);
  Model model(layers, sample, /*seed=*/3);
  Tensor x = random_tensor(batched(3, sample), 11);
  const Tensor target = random_tensor(batched(3, model.output_shape()), 12);

  Tensor dy;
  const auto loss = [&] {
    return ops::mean_squared_error(model.forward(x), target, dy);
  };
  loss();
  model.zero_gradients();
  const Values dx = model.backward(dy, /*need_dx=*/true).to_vector();
  std::vector<Values> gradients;
  for (const Parameter* parameter : model.parameters())
    gradients.push_back(parameter->gradient.to_vector());

  expect_gradient(x, dx, loss);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    Parameter& parameter = *model.parameters()[i];
    SCOPED_TRACE(parameter.name);
    if (parameter.trainable()) expect_gradient(parameter.value, gradients[i], loss);
  }
}

TEST(Gradient, Dense) { check_layers("dense 4", {5}); }
TEST(Gradient, DenseOnImages) { check_layers("dense 4", {2, 3, 3}); }
TEST(Gradient, Convolution) { check_layers("conv 3 3", {2, 5, 6}); }
TEST(Gradient, ConvolutionWithPadding) { check_layers("conv 3 3 1 1", {2, 4, 4}); }
TEST(Gradient, ConvolutionWithStride) { check_layers("conv 2 3 2 1", {1, 7, 5}); }
TEST(Gradient, Sigmoid) { check_layers("dense 6; sigmoid", {4}); }
TEST(Gradient, Tanh) { check_layers("dense 6; tanh; dense 2", {4}); }
TEST(Gradient, Standardize) { check_layers("standardize; dense 3", {4}); }

// A ReLU and a maximum have kinks, where a finite difference means nothing: their tests
// keep the inputs away from those.

TEST(Gradient, Relu) {
  const Tensor x = Tensor::from({1, 4}, {-2.0f, -0.5f, 0.5f, 2.0f});
  const Tensor dy = Tensor::from({1, 4}, {1.0f, 2.0f, 3.0f, 4.0f});
  Tensor y, dx;
  ops::activate(ops::Activation::kRelu, x, y);
  ops::activate_gradient(ops::Activation::kRelu, y, dy, dx);
  EXPECT_EQ(dx.to_vector(), (Values{0.0f, 0.0f, 3.0f, 4.0f}));
}

TEST(Gradient, MaxPool) {
  // All values are at least 1 apart, and the last row and column belong to no window.
  Values values(25);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 7 % 25);
  Tensor x = Tensor::from({1, 1, 5, 5}, values);
  const Tensor target = random_tensor({1, 1, 2, 2}, 4);
  const PoolShape shape = ops::pool_shape(x.shape(), 2);
  Buffer<std::int32_t> winners;
  Tensor y, dy, dx;
  const auto loss = [&] {
    ops::max_pool(shape, x, y, winners);
    return ops::mean_squared_error(y, target, dy);
  };
  loss();
  ops::max_pool_gradient(shape, dy, winners, dx);
  expect_gradient(x, dx.to_vector(), loss);
}

TEST(Gradient, CrossEntropy) {
  Tensor logits = random_tensor({4, 5}, 8);
  Buffer<std::int32_t> labels(kernels(), 4);
  for (std::int32_t i = 0; i < 4; ++i) labels.data()[i] = i;
  Tensor gradient;
  const auto loss = [&] { return ops::cross_entropy(logits, labels, gradient); };
  loss();
  const Values analytic = gradient.to_vector();
  expect_gradient(logits, analytic, loss);
}

TEST(Gradient, AddsUpOverCalls) {
  for (const char* layers : {"dense 2", "conv 2 3 1 1"}) {
    SCOPED_TRACE(layers);
    Model model(layers, {1, 4, 4}, 1);
    const Tensor x = random_tensor({3, 1, 4, 4}, 1);
    const Tensor dy = random_tensor(batched(3, model.output_shape()), 2);
    model.zero_gradients();
    model.forward(x);
    model.backward(dy);
    std::vector<Values> once;
    for (const Parameter* parameter : model.parameters())
      once.push_back(parameter->gradient.to_vector());
    model.backward(dy);
    for (std::size_t i = 0; i < once.size(); ++i) {
      for (float& value : once[i]) value *= 2.0f;
      expect_near(model.parameters()[i]->gradient.to_vector(), once[i], 1e-5);
    }
  }
}

}  // namespace
}  // namespace paddle::testing
