// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/arguments.h"
#include "cli/handles.h"

namespace cli {

/// Reads what --data names. `kind` is the synthetic data that "synthetic" means here;
/// `features` is the number of columns before the class in a CSV file, 0 if not known.
Dataset load_data(const Arguments& arguments, const char* kind, std::size_t features);

}  // namespace cli
