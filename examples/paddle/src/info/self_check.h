// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

namespace paddle {

/// Looks at this build on this machine: what it has, what the machine has, and whether
/// all families of kernels that can run here agree on random data. Passes on a line at
/// a time; returns whether all is well.
bool self_check(const std::function<void(const std::string&)>& report);

}  // namespace paddle
