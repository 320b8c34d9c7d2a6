// SPDX-License-Identifier: Apache-2.0
// Whole training runs, and the arithmetic of the optimizers.

#include "core/thread_pool.h"
#include "support.h"
#include "train/trainer.h"

namespace paddle::testing {
namespace {

/// Trains on 80 % of the data and returns the accuracy on the rest.
double accuracy_after_training(const std::string& layers, const std::string& kind,
                               const OptimizerOptions& options, int epochs) {
  Random random(5);
  Dataset test, data;
  make_synthetic(kind, 1000, /*seed=*/9).split(0.2, random, &test, &data);
  Model model(layers, data.sample_shape(), /*seed=*/1);
  model.fit_input(data.features(), data.size());
  const auto optimizer = make_optimizer(options);
  train(model, *optimizer, data, {epochs, 32, 1},
        [](const EpochReport&) { return true; });
  return evaluate(model, test).accuracy;
}

TEST(Training, MlpWithSgdLearnsSpirals) {
  EXPECT_GE(accuracy_after_training(mlp_description(3), "spirals",
                                    {"sgd", 0.05f, 0.9f, 0.0f}, 25),
            0.96);
}

TEST(Training, MlpWithAdamLearnsSpirals) {
  EXPECT_GE(accuracy_after_training(mlp_description(3), "spirals",
                                    {"adam", 0.01f, 0.0f, 0.0f}, 25),
            0.96);
}

TEST(Training, ConvnetWithSgdLearnsShapes) {
  EXPECT_GE(accuracy_after_training(convnet_description(4), "shapes",
                                    {"sgd", 0.05f, 0.9f, 0.0f}, 8),
            0.96);
}

TEST(Training, ConvnetWithAdamLearnsShapes) {
  EXPECT_GE(accuracy_after_training(convnet_description(4), "shapes",
                                    {"adam", 0.005f, 0.0f, 0.0f}, 8),
            0.96);
}

TEST(Training, RegressionFindsALine) {
  Model model("dense 1", {1}, 1);
  const auto optimizer = make_optimizer({"sgd", 0.1f, 0.9f, 0.0f});
  const Tensor x = Tensor::from({4, 1}, {-1, 0, 1, 2});
  const Tensor target = Tensor::from({4, 1}, {-1, 1, 3, 5});  // 2 x + 1
  for (int i = 0; i < 200; ++i) train_batch(model, *optimizer, x, target);
  EXPECT_NEAR(model.parameters()[0]->value.data()[0], 2.0f, 1e-3);
  EXPECT_NEAR(model.parameters()[1]->value.data()[0], 1.0f, 1e-3);
}

TEST(Training, ResultDoesNotDependOnThreads) {
  const auto weights_on = [](std::size_t threads) {
    set_thread_count(threads);
    const Dataset data = make_synthetic("shapes", 100, 1);
    Model model(convnet_description(4), data.sample_shape(), 1);
    const auto optimizer = make_optimizer({"adam", 0.005f, 0.0f, 0.0f});
    train(model, *optimizer, data, {1, 25, 1}, [](const EpochReport&) { return true; });
    return model.parameters().front()->value.to_vector();
  };
  const Values one = weights_on(1);
  EXPECT_EQ(weights_on(3), one);
}

TEST(Training, StopsWhenTheReportSaysSo) {
  const Dataset data = make_synthetic("spirals", 60, 1);
  Model model("dense 3", {2}, 1);
  const auto optimizer = make_optimizer({});
  int epochs = 0;
  train(model, *optimizer, data, {10, 20, 1},
        [&](const EpochReport& report) { return (epochs = report.epoch) < 3; });
  EXPECT_EQ(epochs, 3);
}

TEST(Training, RefusesLabelsBeyondTheOutput) {
  const Dataset data = make_synthetic("shapes", 40, 1);
  Model model("dense 2", data.sample_shape(), 1);
  const auto optimizer = make_optimizer({});
  expect_contains(error_of([&] {
                    train(model, *optimizer, data, {},
                          [](const EpochReport&) { return true; });
                  }),
                  "4 classes");
}

// ---- single steps, by hand

Parameter one_parameter(float value, float gradient) {
  return {"p", Tensor::from({1}, {value}), Tensor::from({1}, {gradient})};
}

TEST(Optimizer, SgdKeepsMomentum) {
  Parameter p = one_parameter(1.0f, 2.0f);
  const auto sgd = make_optimizer({"sgd", 0.1f, 0.5f, 0.0f});
  sgd->step({&p});  // velocity 2
  EXPECT_FLOAT_EQ(p.value.data()[0], 0.8f);
  sgd->step({&p});  // velocity 0.5 * 2 + 2 = 3
  EXPECT_FLOAT_EQ(p.value.data()[0], 0.5f);
}

TEST(Optimizer, SgdDecaysWeights) {
  Parameter p = one_parameter(1.0f, 0.0f);
  make_optimizer({"sgd", 0.1f, 0.0f, 0.5f})->step({&p});
  EXPECT_FLOAT_EQ(p.value.data()[0], 0.95f);
}

TEST(Optimizer, AdamsFirstStepHasTheSizeOfTheRate) {
  for (const float gradient : {1e-3f, 1.0f, 1e3f}) {
    Parameter p = one_parameter(1.0f, gradient);
    make_optimizer({"adam", 0.1f, 0.0f, 0.0f})->step({&p});
    EXPECT_NEAR(p.value.data()[0], 0.9f, 1e-4);
  }
}

TEST(Optimizer, LeavesFixedParametersAlone) {
  Parameter fixed{"f", Tensor::from({1}, {1.0f}), Tensor()};
  Parameter p = one_parameter(1.0f, 1.0f);
  make_optimizer({"sgd", 0.1f, 0.0f, 0.0f})->step({&fixed, &p});
  EXPECT_EQ(fixed.value.data()[0], 1.0f);
  EXPECT_FLOAT_EQ(p.value.data()[0], 0.9f);
}

TEST(Optimizer, RefusesNonsense) {
  expect_contains(error_of([] { make_optimizer({"newton", 0.1f, 0.0f, 0.0f}); }),
                  "newton");
  expect_contains(error_of([] { make_optimizer({"sgd", 0.0f, 0.0f, 0.0f}); }), "rate");
  expect_contains(error_of([] { make_optimizer({"sgd", 0.1f, 1.0f, 0.0f}); }),
                  "momentum");
}

}  // namespace
}  // namespace paddle::testing
