// SPDX-License-Identifier: Apache-2.0
// The layers that have no weights to train.

#include <cmath>

#include "core/error.h"
#include "nn/layers.h"

namespace paddle {

MaxPool::MaxPool(const Shape& input, std::int64_t window) : window_(window) {
  const PoolShape one = ops::pool_shape(batched(1, input), window);
  output_shape_ = {input[0], static_cast<std::int64_t>(one.out_height),
                   static_cast<std::int64_t>(one.out_width)};
}

std::string MaxPool::describe() const { return concat("maxpool ", window_); }

const Tensor& MaxPool::forward(const Tensor& x) {
  shape_ = ops::pool_shape(x.shape(), window_);
  ops::max_pool(shape_, x, y_, winners_);
  return y_;
}

const Tensor& MaxPool::backward(const Tensor& dy, bool need_dx) {
  if (need_dx) ops::max_pool_gradient(shape_, dy, winners_, dx_);
  return dx_;
}

std::string ActivationLayer::describe() const {
  switch (kind_) {
    case ops::Activation::kRelu:
      return "relu";
    case ops::Activation::kSigmoid:
      return "sigmoid";
    case ops::Activation::kTanh:
      return "tanh";
  }
  fail("unknown activation");
}

const Tensor& ActivationLayer::forward(const Tensor& x) {
  ops::activate(kind_, x, y_);
  return y_;
}

const Tensor& ActivationLayer::backward(const Tensor& dy, bool need_dx) {
  if (need_dx) ops::activate_gradient(kind_, y_, dy, dx_);
  return dx_;
}

Standardize::Standardize(const Shape& input) : output_shape_(input) {
  const Shape flat{static_cast<std::int64_t>(element_count(input))};
  scale_ = {"scale", Tensor::full(flat, 1.0f), Tensor()};
  shift_ = {"shift", Tensor::zeros(flat), Tensor()};
  no_shift_ = Tensor::zeros(flat);
}

void Standardize::fit(const std::vector<float>& features, std::size_t samples) {
  const std::size_t columns = scale_.value.size();
  if (samples == 0 || features.size() != samples * columns)
    fail("cannot standardize by ", features.size(), " values in ", samples, " samples");
  float* scale = scale_.value.data();
  float* shift = shift_.value.data();
  for (std::size_t c = 0; c < columns; ++c) {
    double sum = 0.0;
    for (std::size_t r = 0; r < samples; ++r) sum += features[r * columns + c];
    const double mean = sum / static_cast<double>(samples);
    double squares = 0.0;
    for (std::size_t r = 0; r < samples; ++r) {
      const double difference = features[r * columns + c] - mean;
      squares += difference * difference;
    }
    const double deviation = std::sqrt(squares / static_cast<double>(samples));
    // A constant feature says nothing: it becomes 0 and not a division by 0.
    const double factor = deviation > 1e-12 ? 1.0 / deviation : 0.0;
    scale[c] = static_cast<float>(factor);
    shift[c] = static_cast<float>(-mean * factor);
  }
}

const Tensor& Standardize::forward(const Tensor& x) {
  ops::scale_shift(x, scale_.value, shift_.value, y_);
  return y_;
}

const Tensor& Standardize::backward(const Tensor& dy, bool need_dx) {
  if (need_dx) ops::scale_shift(dy, scale_.value, no_shift_, dx_);
  return dx_;
}

}  // namespace paddle
