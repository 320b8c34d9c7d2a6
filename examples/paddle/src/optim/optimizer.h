// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/layer.h"

namespace paddle {

struct OptimizerOptions {
  std::string kind = "adam";  // "sgd" or "adam"
  float learning_rate = 0.01f;
  float momentum = 0.9f;  // of sgd
  float weight_decay = 0.0f;
};

/// Changes the parameters of one model by their gradients. It keeps a state per
/// parameter, so give it the same parameters at each step.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  void step(const std::vector<Parameter*>& parameters);

 protected:
  /// `index` counts the trainable parameters.
  virtual void update(std::size_t index, Parameter& parameter) = 0;
  virtual void begin_step() {}
};

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options);

}  // namespace paddle
