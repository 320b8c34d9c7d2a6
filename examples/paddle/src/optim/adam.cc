// SPDX-License-Identifier: Apache-2.0
#include "ops/ranges.h"
#include "optim/optimizers.h"

namespace paddle {

Adam::Adam(const OptimizerOptions& options) {
  step_.learning_rate = options.learning_rate;
  step_.weight_decay = options.weight_decay;
  step_.beta1 = 0.9f;
  step_.beta2 = 0.999f;
  step_.epsilon = 1e-8f;
}

void Adam::begin_step() {
  power1_ *= static_cast<double>(step_.beta1);
  power2_ *= static_cast<double>(step_.beta2);
  step_.correction1 = static_cast<float>(1.0 - power1_);
  step_.correction2 = static_cast<float>(1.0 - power2_);
}

void Adam::update(std::size_t index, Parameter& parameter) {
  if (index == means_.size()) {
    means_.push_back(Tensor::zeros(parameter.value.shape()));
    variances_.push_back(Tensor::zeros(parameter.value.shape()));
  }
  Tensor& mean = means_.at(index);
  Tensor& variance = variances_.at(index);
  ops::for_ranges(parameter.value.size(), 8, [&](std::size_t begin, std::size_t count) {
    kernels().adam(&step_, parameter.value.raw() + begin, mean.raw() + begin,
                   variance.raw() + begin, parameter.gradient.raw() + begin, count);
  });
}

}  // namespace paddle
