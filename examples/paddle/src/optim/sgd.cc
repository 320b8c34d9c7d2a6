// SPDX-License-Identifier: Apache-2.0
#include "ops/ranges.h"
#include "optim/optimizers.h"

namespace paddle {

void Sgd::update(std::size_t index, Parameter& parameter) {
  if (index == velocities_.size())
    velocities_.push_back(Tensor::zeros(parameter.value.shape()));
  Tensor& velocity = velocities_.at(index);
  ops::for_ranges(parameter.value.size(), 4, [&](std::size_t begin, std::size_t count) {
    kernels().sgd(parameter.value.raw() + begin, velocity.raw() + begin,
                  parameter.gradient.raw() + begin, options_.learning_rate,
                  options_.momentum, options_.weight_decay, count);
  });
}

}  // namespace paddle
