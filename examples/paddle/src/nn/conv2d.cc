// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "nn/init.h"
#include "nn/layers.h"

namespace paddle {

Conv2d::Conv2d(const Shape& input, std::int64_t filters, std::int64_t kernel,
               std::int64_t stride, std::int64_t padding, Random& random)
    : kernel_(kernel), stride_(stride), padding_(padding) {
  if (filters < 1) fail("a convolution of ", filters, " filters makes no sense");
  const ConvShape one = ops::conv_shape(batched(1, input), kernel, stride, padding);
  output_shape_ = {filters, static_cast<std::int64_t>(one.out_height),
                   static_cast<std::int64_t>(one.out_width)};
  const Shape shape{filters, input[0], kernel, kernel};
  const std::size_t inputs = element_count(sample_of(shape));
  weights_ = {"weights", he_normal(shape, inputs, random), Tensor::zeros(shape)};
  bias_ = {"bias", Tensor::zeros({filters}), Tensor::zeros({filters})};
}

std::string Conv2d::describe() const {
  return concat("conv ", output_shape_[0], ' ', kernel_, ' ', stride_, ' ', padding_);
}

const Tensor& Conv2d::forward(const Tensor& x) {
  shape_ = ops::conv_shape(x.shape(), kernel_, stride_, padding_);
  ops::conv2d(shape_, x, weights_.value, bias_.value, columns_, y_);
  return y_;
}

const Tensor& Conv2d::backward(const Tensor& dy, bool need_dx) {
  ops::conv2d_parameter_gradient(shape_, columns_, dy, weights_.gradient,
                                 bias_.gradient);
  // The unfolded input has served; its memory takes the gradient of the same shape.
  if (need_dx) ops::conv2d_input_gradient(shape_, weights_.value, dy, columns_, dx_);
  return dx_;
}

}  // namespace paddle
