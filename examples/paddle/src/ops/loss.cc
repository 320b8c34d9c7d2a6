// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "core/error.h"
#include "ops/ops.h"
#include "ops/ranges.h"

namespace paddle::ops {
namespace {

constexpr std::size_t kExponentialCost = 8;

std::size_t columns_of(const Tensor& x) {
  const std::size_t columns = element_count(sample_of(x.shape()));
  if (columns == 0) fail("a softmax or loss over no classes");
  return columns;
}

double sum_of(const Buffer<float>& losses) {
  const float* values = losses.data();
  return std::accumulate(values, values + losses.size(), 0.0);
}

}  // namespace

void softmax(const Tensor& x, Tensor& y) {
  const std::size_t columns = columns_of(x);
  y.resize(x.shape());
  for_ranges(x.dim(0), columns * kExponentialCost,
             [&](std::size_t begin, std::size_t count) {
               const std::size_t offset = begin * columns;
               kernels().softmax(x.raw() + offset, y.raw() + offset, count, columns);
             });
}

double cross_entropy(const Tensor& logits, const Buffer<std::int32_t>& labels,
                     Tensor& gradient) {
  const std::size_t rows = logits.dim(0);
  const std::size_t columns = columns_of(logits);
  if (rows == 0) fail("the loss of an empty batch");
  if (labels.size() != rows) fail(labels.size(), " labels for ", rows, " samples");
  const std::int32_t* label = labels.data();
  for (std::size_t r = 0; r < rows; ++r)
    if (label[r] < 0 || static_cast<std::size_t>(label[r]) >= columns)
      fail("label ", label[r], " of sample ", r, " is not one of ", columns,
           " classes");

  gradient.resize(logits.shape());
  Buffer<float> losses(kernels(), rows);
  const float weight = 1.0f / static_cast<float>(rows);
  for_ranges(
      rows, columns * kExponentialCost, [&](std::size_t begin, std::size_t count) {
        const std::size_t offset = begin * columns;
        kernels().softmax_cross_entropy(logits.raw() + offset, labels.raw() + begin,
                                        losses.raw() + begin, gradient.raw() + offset,
                                        weight, count, columns);
      });
  return sum_of(losses) / static_cast<double>(rows);
}

double mean_squared_error(const Tensor& x, const Tensor& target, Tensor& gradient) {
  if (x.shape() != target.shape())
    fail("output of shape ", to_string(x.shape()), " and target of shape ",
         to_string(target.shape()));
  if (x.size() == 0) fail("the loss of an empty batch");
  const std::size_t rows = x.dim(0);
  const std::size_t columns = columns_of(x);
  gradient.resize(x.shape());
  Buffer<float> losses(kernels(), rows);
  const float weight = 1.0f / static_cast<float>(x.size());
  for_ranges(rows, columns, [&](std::size_t begin, std::size_t count) {
    const std::size_t offset = begin * columns;
    kernels().squared_error(x.raw() + offset, target.raw() + offset,
                            losses.raw() + begin, gradient.raw() + offset, weight,
                            count, columns);
  });
  return sum_of(losses) / static_cast<double>(x.size());
}

}  // namespace paddle::ops
