// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace paddle {

/// The extents of a tensor, outermost first. A scalar has the empty shape.
using Shape = std::vector<std::int64_t>;

/// How many elements a tensor of this shape has; throws when an extent is negative or
/// the product does not fit.
std::size_t element_count(const Shape& shape);

/// "2x3x4"; "scalar" for the empty shape.
std::string to_string(const Shape& shape);

/// `shape` with `outer` in front: the shape of `outer` samples of that shape.
Shape batched(std::int64_t outer, const Shape& shape);

/// `shape` without its first extent: the shape of one sample of a batch.
Shape sample_of(const Shape& shape);

}  // namespace paddle
