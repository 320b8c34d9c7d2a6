// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/shape.h"
#include "core/storage.h"

namespace paddle {

/// A dense array of floats, row-major, in memory of the kernel family in use.
///
/// Tensors move but do not copy by accident: write `clone()` where a copy is meant.
class Tensor {
 public:
  Tensor() = default;
  /// The contents are unspecified.
  explicit Tensor(Shape shape);

  static Tensor full(Shape shape, float value);
  static Tensor zeros(Shape shape) { return full(std::move(shape), 0.0f); }
  static Tensor from(Shape shape, const std::vector<float>& values);

  Tensor(Tensor&&) = default;
  Tensor& operator=(Tensor&&) = default;
  Tensor(const Tensor&) = delete;
  Tensor& operator=(const Tensor&) = delete;

  Tensor clone() const;

  const Shape& shape() const { return shape_; }
  std::size_t rank() const { return shape_.size(); }
  std::size_t size() const { return buffer_.size(); }
  /// Extent number `axis`, as the size that loops want.
  std::size_t dim(std::size_t axis) const {
    return static_cast<std::size_t>(shape_.at(axis));
  }

  /// Gives the tensor another shape; contents are unspecified. Keeps its memory when
  /// that is large enough, so a layer can keep one output tensor for every batch.
  void resize(const Shape& shape);
  /// Another view of the same elements.
  void reshape(const Shape& shape);

  void fill(float value);
  std::vector<float> to_vector() const;

  float* data() { return buffer_.data(); }
  const float* data() const { return buffer_.data(); }
  float* raw() { return buffer_.raw(); }
  const float* raw() const { return buffer_.raw(); }

 private:
  Shape shape_;
  Buffer<float> buffer_;
};

}  // namespace paddle
