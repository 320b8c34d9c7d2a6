// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "nn/model.h"

namespace paddle {

/// Writes the model's description and parameters. The file appears under its name only
/// once it is whole.
void save_checkpoint(const Model& model, const std::string& path);

/// Makes the model again. Throws when the file is damaged or no checkpoint.
Model load_checkpoint(const std::string& path);

}  // namespace paddle
