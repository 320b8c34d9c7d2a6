// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace paddle {

/// Samples of one shape, with a class for each or without. Lives in host memory;
/// batches of it become tensors.
class Dataset {
 public:
  Dataset() = default;
  /// `labels` is empty for data without classes. Throws unless the sizes fit.
  Dataset(Shape sample_shape, std::vector<float> features,
          std::vector<std::int32_t> labels);

  std::size_t size() const { return size_; }
  const Shape& sample_shape() const { return sample_shape_; }
  const std::vector<float>& features() const { return features_; }
  const std::vector<std::int32_t>& labels() const { return labels_; }
  bool labelled() const { return !labels_.empty(); }
  /// One more than the largest label.
  std::int64_t classes() const { return classes_; }

  /// The samples of these indices, in this order.
  Dataset subset(const std::vector<std::size_t>& indices) const;
  /// A random `fraction` of the samples, and the others.
  void split(double fraction, Random& random, Dataset* part, Dataset* rest) const;

  /// Fills tensors with samples order[begin] … order[begin + count - 1].
  void batch(const std::vector<std::size_t>& order, std::size_t begin,
             std::size_t count, Tensor& x, Buffer<std::int32_t>& labels) const;

 private:
  Shape sample_shape_;
  std::vector<float> features_;
  std::vector<std::int32_t> labels_;
  std::size_t size_ = 0;
  std::int64_t classes_ = 0;
};

/// Reads comma-separated numbers, one sample per line; the first line may hold names.
/// With `features` 0 the last column is the class (0, 1, 2 …). Otherwise each line has
/// that many features, and a class after them or none. Errors name file, line and
/// column.
Dataset read_csv(const std::string& path, std::size_t features = 0);

/// Reads the IDX files of image collections: bytes, count x height x width (or count x
/// channels x height x width), scaled to [0, 1]; and their labels unless that path is
/// empty. Errors name the file and the byte.
Dataset read_idx(const std::string& images_path, const std::string& labels_path);

/// Makes data to try things on: "spirals" (points on three interleaved spirals) or
/// "shapes" (16 x 16 pictures of horizontal bars, vertical bars, crosses and frames,
/// with noise).
Dataset make_synthetic(const std::string& kind, std::size_t samples,
                       std::uint64_t seed);

}  // namespace paddle
