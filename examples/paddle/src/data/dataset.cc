// SPDX-License-Identifier: Apache-2.0
#include "data/dataset.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "kernels/dispatch.h"

namespace paddle {

Dataset::Dataset(Shape sample_shape, std::vector<float> features,
                 std::vector<std::int32_t> labels)
    : sample_shape_(std::move(sample_shape)),
      features_(std::move(features)),
      labels_(std::move(labels)) {
  const std::size_t sample = element_count(sample_shape_);
  if (sample == 0 || features_.empty()) fail("a data set without data");
  if (features_.size() % sample != 0)
    fail(features_.size(), " values are not samples of shape ",
         to_string(sample_shape_));
  size_ = features_.size() / sample;
  if (!labels_.empty() && labels_.size() != size_)
    fail(labels_.size(), " labels for ", size_, " samples");
  for (const std::int32_t label : labels_) {
    if (label < 0) fail("label ", label, " is negative");
    classes_ = std::max<std::int64_t>(classes_, std::int64_t{label} + 1);
  }
}

Dataset Dataset::subset(const std::vector<std::size_t>& indices) const {
  const std::size_t sample = element_count(sample_shape_);
  std::vector<float> features;
  std::vector<std::int32_t> labels;
  features.reserve(indices.size() * sample);
  for (const std::size_t index : indices) {
    const float* begin = features_.data() + index * sample;
    features.insert(features.end(), begin, begin + sample);
    if (labelled()) labels.push_back(labels_[index]);
  }
  Dataset result(sample_shape_, std::move(features), std::move(labels));
  result.classes_ = classes_;  // also when the subset misses the last class
  return result;
}

void Dataset::split(double fraction, Random& random, Dataset* part,
                    Dataset* rest) const {
  const auto count =
      static_cast<std::size_t>(std::llround(fraction * static_cast<double>(size_)));
  if (!(fraction > 0.0) || count == 0 || count >= size_)
    fail("cannot split ", size_, " samples at ", fraction);
  const std::vector<std::size_t> order = random.permutation(size_);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
  *part = subset({order.begin(), middle});
  *rest = subset({middle, order.end()});
}

void Dataset::batch(const std::vector<std::size_t>& order, std::size_t begin,
                    std::size_t count, Tensor& x, Buffer<std::int32_t>& labels) const {
  const std::size_t sample = element_count(sample_shape_);
  x.resize(batched(static_cast<std::int64_t>(count), sample_shape_));
  labels.resize(kernels(), labelled() ? count : 0);
  float* to = x.data();
  for (std::size_t i = 0; i < count; ++i)
    std::copy_n(features_.data() + order[begin + i] * sample, sample, to + i * sample);
  if (!labelled()) return;
  std::int32_t* label = labels.data();
  for (std::size_t i = 0; i < count; ++i) label[i] = labels_[order[begin + i]];
}

}  // namespace paddle
