// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "optim/optimizer.h"

namespace paddle {

/// Stochastic gradient descent with momentum.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(const OptimizerOptions& options) : options_(options) {}

 private:
  void update(std::size_t index, Parameter& parameter) override;

  OptimizerOptions options_;
  std::vector<Tensor> velocities_;
};

/// Adam: steps scaled by running averages of the gradient and of its square.
class Adam final : public Optimizer {
 public:
  explicit Adam(const OptimizerOptions& options);

 private:
  void begin_step() override;
  void update(std::size_t index, Parameter& parameter) override;

  AdamStep step_{};
  double power1_ = 1.0, power2_ = 1.0;  // beta1^t and beta2^t
  std::vector<Tensor> means_, variances_;
};

}  // namespace paddle
