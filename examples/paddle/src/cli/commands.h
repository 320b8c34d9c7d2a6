// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace cli {

// Each command takes the words after its name and returns the program's exit code, or
// throws a Failure.

int train(const std::vector<std::string>& words);
int predict(const std::vector<std::string>& words);
int check(const std::vector<std::string>& words);
int version(const std::vector<std::string>& words);

}  // namespace cli
