// SPDX-License-Identifier: Apache-2.0
#include "paddle/tensor.h"

#include <algorithm>

#include "capi/handles.h"
#include "core/random.h"
#include "ops/ops.h"

using namespace paddle::capi;
using paddle::Tensor;

namespace {

const Tensor& value_of(const paddle_tensor* tensor) {
  return required(tensor, "a tensor").value;
}

}  // namespace

paddle_tensor* paddle_tensor_new(const int64_t* shape, size_t rank,
                                 const float* values) {
  return new_object<paddle_tensor>([&] {
    if (values == nullptr) return Tensor::zeros(shape_from(shape, rank));
    Tensor result(shape_from(shape, rank));
    std::copy_n(values, result.size(), result.data());
    return result;
  });
}

paddle_tensor* paddle_tensor_random(const int64_t* shape, size_t rank, uint64_t seed) {
  return new_object<paddle_tensor>([&] {
    Tensor result(shape_from(shape, rank));
    paddle::Random random(seed);
    std::generate_n(result.data(), result.size(), [&] { return random.normal(); });
    return result;
  });
}

void paddle_tensor_free(paddle_tensor* tensor) { delete tensor; }

size_t paddle_tensor_rank(const paddle_tensor* tensor) { return tensor->value.rank(); }

const int64_t* paddle_tensor_shape(const paddle_tensor* tensor) {
  return tensor->value.shape().data();
}

size_t paddle_tensor_size(const paddle_tensor* tensor) { return tensor->value.size(); }

float* paddle_tensor_data(paddle_tensor* tensor) {
  return guarded<float*>(nullptr,
                         [&] { return required(tensor, "a tensor").value.data(); });
}

paddle_tensor* paddle_tensor_reshape(const paddle_tensor* x, const int64_t* shape,
                                     size_t rank) {
  return new_object<paddle_tensor>([&] {
    Tensor result = value_of(x).clone();
    result.reshape(shape_from(shape, rank));
    return result;
  });
}

paddle_tensor* paddle_tensor_binary(paddle_binary op, const paddle_tensor* a,
                                    const paddle_tensor* b) {
  return new_object<paddle_tensor>([&] {
    Tensor result;
    switch (op) {
      case PADDLE_ADD:
        paddle::ops::add(value_of(a), value_of(b), result);
        return result;
      case PADDLE_SUBTRACT:
        paddle::ops::subtract(value_of(a), value_of(b), result);
        return result;
      case PADDLE_MULTIPLY:
        paddle::ops::multiply(value_of(a), value_of(b), result);
        return result;
    }
    paddle::fail("there is no binary operation ", static_cast<int>(op));
  });
}

paddle_tensor* paddle_tensor_scale(float factor, const paddle_tensor* x) {
  return new_object<paddle_tensor>([&] {
    Tensor result;
    paddle::ops::scale(factor, value_of(x), result);
    return result;
  });
}

paddle_tensor* paddle_tensor_unary(paddle_unary op, const paddle_tensor* x) {
  using paddle::ops::Activation;
  return new_object<paddle_tensor>([&] {
    Tensor result;
    switch (op) {
      case PADDLE_RELU:
        paddle::ops::activate(Activation::kRelu, value_of(x), result);
        return result;
      case PADDLE_SIGMOID:
        paddle::ops::activate(Activation::kSigmoid, value_of(x), result);
        return result;
      case PADDLE_TANH:
        paddle::ops::activate(Activation::kTanh, value_of(x), result);
        return result;
      case PADDLE_SOFTMAX:
        paddle::ops::softmax(value_of(x), result);
        return result;
    }
    paddle::fail("there is no unary operation ", static_cast<int>(op));
  });
}

paddle_tensor* paddle_tensor_matmul(const paddle_tensor* a, int transpose_a,
                                    const paddle_tensor* b, int transpose_b) {
  return new_object<paddle_tensor>([&] {
    Tensor result;
    paddle::ops::matmul(value_of(a), transpose_a != 0, value_of(b), transpose_b != 0,
                        result);
    return result;
  });
}

paddle_tensor* paddle_tensor_conv2d(const paddle_tensor* x,
                                    const paddle_tensor* weights,
                                    const paddle_tensor* bias, int64_t stride,
                                    int64_t padding) {
  return new_object<paddle_tensor>([&] {
    const paddle::Shape& filters = value_of(weights).shape();
    if (filters.size() != 4 || filters[2] != filters[3])
      paddle::fail("convolution weights are [filters, channels, kernel, kernel], not ",
                   paddle::to_string(filters));
    const Tensor zeros = bias ? Tensor() : Tensor::zeros({filters[0]});
    Tensor columns, result;
    paddle::ops::conv2d(
        paddle::ops::conv_shape(value_of(x).shape(), filters[2], stride, padding),
        value_of(x), value_of(weights), bias ? bias->value : zeros, columns, result);
    return result;
  });
}

paddle_tensor* paddle_tensor_max_pool(const paddle_tensor* x, int64_t window) {
  return new_object<paddle_tensor>([&] {
    paddle::Buffer<std::int32_t> winners;
    Tensor result;
    paddle::ops::max_pool(paddle::ops::pool_shape(value_of(x).shape(), window),
                          value_of(x), result, winners);
    return result;
  });
}
