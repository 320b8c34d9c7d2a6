// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/layer.h"

namespace paddle {

/// A chain of layers, made from a description such as
///
///     conv 8 3 1 1; relu; maxpool 2; dense 32; relu; dense 4
///
/// with these layers:
///
///     dense UNITS
///     conv FILTERS KERNEL [STRIDE [PADDING]]    stride 1 and padding 0 unless given
///     maxpool WINDOW
///     relu | sigmoid | tanh
///     standardize
class Model {
 public:
  /// `input` is the shape of one sample; `seed` decides the first weights.
  Model(const std::string& description, const Shape& input, std::uint64_t seed);

  /// The description in its normal form; it makes the same model again.
  std::string description() const;
  const Shape& input_shape() const { return input_shape_; }
  const Shape& output_shape() const { return layers_.back()->output_shape(); }

  /// The output for a batch; valid until the next call. `x` must live until backward().
  const Tensor& forward(const Tensor& x);
  /// Adds to the gradients of all parameters.
  const Tensor& backward(const Tensor& dy, bool need_dx = false);
  void zero_gradients();

  /// Those of all layers, named "0.weights", "0.bias" … by layer.
  const std::vector<Parameter*>& parameters() const { return parameters_; }
  std::size_t trainable_count() const;

  /// Sets the statistics of a leading "standardize"; does nothing in other models.
  void fit_input(const std::vector<float>& features, std::size_t samples);

 private:
  Shape input_shape_;
  std::vector<std::unique_ptr<Layer>> layers_;
  std::vector<Parameter*> parameters_;
};

/// The descriptions of the two models that the program and the tutorial use.
std::string mlp_description(std::int64_t classes);
std::string convnet_description(std::int64_t classes);

}  // namespace paddle
