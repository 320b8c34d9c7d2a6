// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/random.h"
#include "core/tensor.h"

namespace paddle {

/// Normal numbers of variance 2 / inputs (He initialisation): a layer followed by a
/// ReLU then keeps the scale of its input, so signals neither die nor blow up with
/// depth.
Tensor he_normal(const Shape& shape, std::size_t inputs, Random& random);

}  // namespace paddle
