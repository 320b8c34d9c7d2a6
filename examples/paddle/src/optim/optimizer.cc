// SPDX-License-Identifier: Apache-2.0
#include "optim/optimizer.h"

#include "core/error.h"
#include "optim/optimizers.h"

namespace paddle {

void Optimizer::step(const std::vector<Parameter*>& parameters) {
  begin_step();
  std::size_t index = 0;
  for (Parameter* parameter : parameters)
    if (parameter->trainable()) update(index++, *parameter);
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options) {
  if (!(options.learning_rate > 0.0f)) fail("the learning rate must be above 0");
  if (!(options.momentum >= 0.0f && options.momentum < 1.0f))
    fail("the momentum must lie in [0, 1)");
  if (!(options.weight_decay >= 0.0f)) fail("the weight decay must not be negative");
  if (options.kind == "sgd") return std::make_unique<Sgd>(options);
  if (options.kind == "adam") return std::make_unique<Adam>(options);
  fail("there is no optimizer '", options.kind, "' (there are sgd and adam)");
}

}  // namespace paddle
