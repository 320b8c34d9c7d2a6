// SPDX-License-Identifier: Apache-2.0
#include "nn/init.h"

#include <cmath>

namespace paddle {

Tensor he_normal(const Shape& shape, std::size_t inputs, Random& random) {
  Tensor result(shape);
  const float deviation = std::sqrt(2.0f / static_cast<float>(inputs));
  float* values = result.data();
  for (std::size_t i = 0; i < result.size(); ++i)
    values[i] = deviation * random.normal();
  return result;
}

}  // namespace paddle
