// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"
#include "ops/ops.h"
#include "ops/ranges.h"

namespace paddle::ops {
namespace {

void require_same_shape(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape())
    fail("shapes ", to_string(a.shape()), " and ", to_string(b.shape()), " differ");
}

using BinaryKernel = void (*)(const float*, const float*, float*, std::size_t);

void binary(BinaryKernel kernel, const Tensor& a, const Tensor& b, Tensor& y,
            std::size_t cost) {
  require_same_shape(a, b);
  y.resize(a.shape());
  for_ranges(y.size(), cost, [&](std::size_t begin, std::size_t count) {
    kernel(a.raw() + begin, b.raw() + begin, y.raw() + begin, count);
  });
}

// How many additions an exponential costs, about.
constexpr std::size_t kExponentialCost = 8;

struct Channels {
  std::size_t outer, channels, inner;
};

Channels channels_of(const Tensor& y, const Tensor& bias) {
  if (y.rank() < 2) fail("shape ", to_string(y.shape()), " has no channels");
  const std::size_t outer = y.dim(0);
  const std::size_t channels = y.dim(1);
  if (bias.size() != channels)
    fail(bias.size(), " bias values for ", channels, " channels");
  const std::size_t inner = y.size() == 0 ? 0 : y.size() / (outer * channels);
  return {outer, channels, inner};
}

}  // namespace

void add(const Tensor& a, const Tensor& b, Tensor& y) {
  binary(kernels().add, a, b, y, 1);
}

void subtract(const Tensor& a, const Tensor& b, Tensor& y) {
  binary(kernels().subtract, a, b, y, 1);
}

void multiply(const Tensor& a, const Tensor& b, Tensor& y) {
  binary(kernels().multiply, a, b, y, 1);
}

void scale(float factor, const Tensor& x, Tensor& y) {
  y.resize(x.shape());
  for_ranges(y.size(), 1, [&](std::size_t begin, std::size_t count) {
    kernels().scale(factor, x.raw() + begin, y.raw() + begin, count);
  });
}

void scale_shift(const Tensor& x, const Tensor& scale, const Tensor& shift, Tensor& y) {
  const std::size_t columns = element_count(sample_of(x.shape()));
  if (scale.size() != columns || shift.size() != columns)
    fail("shape ", to_string(x.shape()), " does not have ", scale.size(), " features");
  y.resize(x.shape());
  for_ranges(x.dim(0), columns, [&](std::size_t begin, std::size_t count) {
    kernels().scale_shift(x.raw() + begin * columns, scale.raw(), shift.raw(),
                          y.raw() + begin * columns, count, columns);
  });
}

void add_bias(Tensor& y, const Tensor& bias) {
  const Channels c = channels_of(y, bias);
  const std::size_t sample = c.channels * c.inner;
  for_ranges(c.outer, sample, [&](std::size_t begin, std::size_t count) {
    kernels().add_bias(y.raw() + begin * sample, bias.raw(), count, c.channels,
                       c.inner);
  });
}

void sum_bias(const Tensor& x, Tensor& sums) {
  const Channels c = channels_of(x, sums);
  // On one thread: the samples go to the same sums, in one order.
  kernels().sum_bias(x.raw(), sums.raw(), c.outer, c.channels, c.inner);
}

void activate(Activation kind, const Tensor& x, Tensor& y) {
  const KernelTable& family = kernels();
  const auto kernel = kind == Activation::kRelu      ? family.relu
                      : kind == Activation::kSigmoid ? family.sigmoid
                                                     : family.tanh;
  const std::size_t cost = kind == Activation::kRelu ? 1 : kExponentialCost;
  y.resize(x.shape());
  for_ranges(y.size(), cost, [&](std::size_t begin, std::size_t count) {
    kernel(x.raw() + begin, y.raw() + begin, count);
  });
}

void activate_gradient(Activation kind, const Tensor& y, const Tensor& dy, Tensor& dx) {
  const KernelTable& family = kernels();
  const auto kernel = kind == Activation::kRelu      ? family.relu_gradient
                      : kind == Activation::kSigmoid ? family.sigmoid_gradient
                                                     : family.tanh_gradient;
  binary(kernel, y, dy, dx, 1);
}

}  // namespace paddle::ops
