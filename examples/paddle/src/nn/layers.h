// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/random.h"
#include "nn/layer.h"
#include "ops/ops.h"

namespace paddle {

/// y = x * weights + bias; x of any shape counts as one row per sample.
class Dense final : public Layer {
 public:
  Dense(const Shape& input, std::int64_t units, Random& random);

  std::string describe() const override;
  const Shape& output_shape() const override { return output_shape_; }
  const Tensor& forward(const Tensor& x) override;
  const Tensor& backward(const Tensor& dy, bool need_dx) override;
  std::vector<Parameter*> parameters() override { return {&weights_, &bias_}; }

 private:
  Shape output_shape_;
  Parameter weights_;  // [inputs, units]
  Parameter bias_;
  const Tensor* x_ = nullptr;
  Tensor y_, dx_;
};

/// A two-dimensional convolution with square kernels.
class Conv2d final : public Layer {
 public:
  Conv2d(const Shape& input, std::int64_t filters, std::int64_t kernel,
         std::int64_t stride, std::int64_t padding, Random& random);

  std::string describe() const override;
  const Shape& output_shape() const override { return output_shape_; }
  const Tensor& forward(const Tensor& x) override;
  const Tensor& backward(const Tensor& dy, bool need_dx) override;
  std::vector<Parameter*> parameters() override { return {&weights_, &bias_}; }

 private:
  std::int64_t kernel_, stride_, padding_;
  Shape output_shape_;
  Parameter weights_;  // [filters, channels, kernel, kernel]
  Parameter bias_;
  ConvShape shape_{};
  Tensor columns_, y_, dx_;
};

/// Takes the largest value of each window of each channel.
class MaxPool final : public Layer {
 public:
  MaxPool(const Shape& input, std::int64_t window);

  std::string describe() const override;
  const Shape& output_shape() const override { return output_shape_; }
  const Tensor& forward(const Tensor& x) override;
  const Tensor& backward(const Tensor& dy, bool need_dx) override;

 private:
  std::int64_t window_;
  Shape output_shape_;
  PoolShape shape_{};
  Buffer<std::int32_t> winners_;
  Tensor y_, dx_;
};

/// Applies a function to each element.
class ActivationLayer final : public Layer {
 public:
  ActivationLayer(const Shape& input, ops::Activation kind)
      : kind_(kind), output_shape_(input) {}

  std::string describe() const override;
  const Shape& output_shape() const override { return output_shape_; }
  const Tensor& forward(const Tensor& x) override;
  const Tensor& backward(const Tensor& dy, bool need_dx) override;

 private:
  ops::Activation kind_;
  Shape output_shape_;
  Tensor y_, dx_;
};

/// Brings each feature to mean 0 and deviation 1, by the statistics of the data that
/// fit() saw. They are parameters that training leaves alone, so a checkpoint takes raw
/// data.
class Standardize final : public Layer {
 public:
  explicit Standardize(const Shape& input);

  /// `features` holds `samples` rows.
  void fit(const std::vector<float>& features, std::size_t samples);

  std::string describe() const override { return "standardize"; }
  const Shape& output_shape() const override { return output_shape_; }
  const Tensor& forward(const Tensor& x) override;
  const Tensor& backward(const Tensor& dy, bool need_dx) override;
  std::vector<Parameter*> parameters() override { return {&scale_, &shift_}; }

 private:
  Shape output_shape_;
  Parameter scale_;
  Parameter shift_;
  Tensor no_shift_;
  Tensor y_, dx_;
};

}  // namespace paddle
