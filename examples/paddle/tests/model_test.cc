// SPDX-License-Identifier: Apache-2.0
#include "nn/model.h"
#include "support.h"

namespace paddle::testing {
namespace {

TEST(Model, ReadsItsDescription) {
  const Model model(" conv 8 3 1 1;relu ; maxpool 2;dense 10 ", {3, 12, 10}, 1);
  EXPECT_EQ(model.description(), "conv 8 3 1 1; relu; maxpool 2; dense 10");
  EXPECT_EQ(model.output_shape(), Shape{10});
  EXPECT_EQ(model.trainable_count(), 8u * 3 * 9 + 8 + (8 * 6 * 5) * 10 + 10);
}

TEST(Model, DescriptionMakesTheSameModel) {
  const Model model("conv 4 3; tanh; dense 6; sigmoid", {1, 5, 5}, 1);
  EXPECT_EQ(Model(model.description(), {1, 5, 5}, 1).description(),
            model.description());
}

TEST(Model, SeedDecidesTheWeights) {
  const auto weights = [](std::uint64_t seed) {
    return Model("dense 3", {4}, seed).parameters()[0]->value.to_vector();
  };
  EXPECT_EQ(weights(1), weights(1));
  EXPECT_NE(weights(1), weights(2));
}

TEST(Model, StandardizeBringsDataToMeanZero) {
  Model model("standardize", {2}, 1);
  // The second feature is constant.
  model.fit_input({1, 5, 3, 5}, 2);
  EXPECT_EQ(model.forward(Tensor::from({2, 2}, {1, 5, 3, 5})).to_vector(),
            (Values{-1, 0, 1, 0}));
}

TEST(Model, ErrorsNameTheLayer) {
  const auto error = [](const std::string& description, const Shape& input) {
    return error_of([&] { Model(description, input, 1); });
  };
  expect_contains(error("", {2}), "no layers");
  expect_contains(error("dense 3; ; relu", {2}), "layer 2 of the model: nothing");
  expect_contains(error("dense 3; gelu", {2}),
                  "layer 2 of the model: there is no layer 'gelu'");
  expect_contains(error("dense", {2}),
                  "layer 1 of the model: 'dense' takes 1 numbers, not 0");
  expect_contains(error("dense -1", {2}), "'-1' is not a size");
  expect_contains(error("dense 0", {2}), "layer 1");
  expect_contains(error("conv 4 3", {2}),
                  "layer 1 of the model: a convolution needs images");
  expect_contains(error("conv 4 9", {1, 5, 5}), "does not fit");
  expect_contains(error("maxpool 9", {1, 5, 5}), "does not fit");
}

TEST(Model, RefusesOtherShapes) {
  Model model("dense 3", {4}, 1);
  const Tensor x = random_tensor({2, 5}, 1);
  expect_contains(error_of([&] { model.forward(x); }),
                  "shape 4, not a batch of shape 2x5");
}

}  // namespace
}  // namespace paddle::testing
