// SPDX-License-Identifier: Apache-2.0
#include "core/shape.h"

#include "core/error.h"

namespace paddle {

std::size_t element_count(const Shape& shape) {
  // A limit far below SIZE_MAX leaves room to multiply by sizeof(float).
  constexpr std::size_t kLimit = std::size_t{1} << 48;
  std::size_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) fail("negative extent in shape ", to_string(shape));
    if (extent == 0) return 0;
    if (static_cast<std::size_t>(extent) > kLimit / count)
      fail("shape ", to_string(shape), " is too large");
    count *= static_cast<std::size_t>(extent);
  }
  return count;
}

std::string to_string(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const std::int64_t extent : shape) {
    if (!text.empty()) text += 'x';
    text += std::to_string(extent);
  }
  return text;
}

Shape batched(std::int64_t outer, const Shape& shape) {
  Shape result{outer};
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

Shape sample_of(const Shape& shape) {
  if (shape.empty()) fail("a scalar is not a batch of samples");
  return Shape(shape.begin() + 1, shape.end());
}

}  // namespace paddle
