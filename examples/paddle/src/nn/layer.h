// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"

namespace paddle {

/// A tensor that belongs to a model and goes into its checkpoint.
struct Parameter {
  std::string name;
  Tensor value;
  /// Added up by backward(); empty for what training does not change.
  Tensor gradient;

  bool trainable() const { return gradient.size() != 0; }
};

/// One step of a model.
///
/// Layers keep their outputs and what backward() needs in members, so a layer works on
/// one batch at a time, and the tensors it returns are valid until its next call. The
/// input of forward() must live until backward() is done with it.
class Layer {
 public:
  virtual ~Layer() = default;

  /// The layer as a model description writes it.
  virtual std::string describe() const = 0;
  /// The shape of one sample of the output.
  virtual const Shape& output_shape() const = 0;

  virtual const Tensor& forward(const Tensor& x) = 0;

  /// Adds to the gradients of the parameters, from the gradient `dy` with respect to
  /// the output of the last forward(). Returns the gradient with respect to its input;
  /// an unspecified tensor unless `need_dx`, as the first layer's would be for nothing.
  virtual const Tensor& backward(const Tensor& dy, bool need_dx) = 0;

  virtual std::vector<Parameter*> parameters() { return {}; }
};

}  // namespace paddle
