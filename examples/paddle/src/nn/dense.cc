// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "nn/init.h"
#include "nn/layers.h"

namespace paddle {

Dense::Dense(const Shape& input, std::int64_t units, Random& random)
    : output_shape_{units} {
  const std::size_t inputs = element_count(input);
  if (inputs == 0 || units < 1)
    fail("a dense layer from ", inputs, " to ", units, " values makes no sense");
  const Shape shape{static_cast<std::int64_t>(inputs), units};
  weights_ = {"weights", he_normal(shape, inputs, random), Tensor::zeros(shape)};
  bias_ = {"bias", Tensor::zeros({units}), Tensor::zeros({units})};
}

std::string Dense::describe() const { return concat("dense ", output_shape_[0]); }

const Tensor& Dense::forward(const Tensor& x) {
  x_ = &x;
  ops::matmul(x, false, weights_.value, false, y_);
  ops::add_bias(y_, bias_.value);
  return y_;
}

const Tensor& Dense::backward(const Tensor& dy, bool need_dx) {
  ops::matmul(*x_, true, dy, false, weights_.gradient, /*accumulate=*/true);
  ops::sum_bias(dy, bias_.gradient);
  if (need_dx) {
    ops::matmul(dy, false, weights_.value, true, dx_);
    dx_.reshape(x_->shape());
  }
  return dx_;
}

}  // namespace paddle
