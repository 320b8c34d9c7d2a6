// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "nn/layer.h"

namespace paddle {

/// Makes the layers that a description names (see Model), each for the output of the
/// one before. Throws an Error that names the layer at fault.
std::vector<std::unique_ptr<Layer>> parse_description(const std::string& description,
                                                      const Shape& input,
                                                      std::uint64_t seed);

}  // namespace paddle
