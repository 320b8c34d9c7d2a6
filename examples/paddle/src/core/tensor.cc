// SPDX-License-Identifier: Apache-2.0
#include "core/tensor.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "kernels/dispatch.h"

namespace paddle {

Tensor::Tensor(Shape shape)
    : shape_(std::move(shape)), buffer_(kernels(), element_count(shape_)) {}

Tensor Tensor::full(Shape shape, float value) {
  Tensor result(std::move(shape));
  result.fill(value);
  return result;
}

Tensor Tensor::from(Shape shape, const std::vector<float>& values) {
  Tensor result(std::move(shape));
  if (values.size() != result.size())
    fail("shape ", to_string(result.shape()), " has ", result.size(), " elements, not ",
         values.size());
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

Tensor Tensor::clone() const {
  Tensor result(shape_);
  std::copy_n(data(), size(), result.data());
  return result;
}

void Tensor::resize(const Shape& shape) {
  buffer_.resize(kernels(), element_count(shape));
  shape_ = shape;
}

void Tensor::reshape(const Shape& shape) {
  if (element_count(shape) != size())
    fail("cannot see a tensor of shape ", to_string(shape_), " as ", to_string(shape));
  shape_ = shape;
}

void Tensor::fill(float value) {
  // By a kernel: the host would fetch a GPU's memory page by page, and send it back.
  kernels().fill(value, buffer_.raw(), size());
}

std::vector<float> Tensor::to_vector() const {
  return std::vector<float>(data(), data() + size());
}

}  // namespace paddle
