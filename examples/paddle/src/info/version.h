// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace paddle {

/// The version of this build, as `git describe` names it.
const char* version();

}  // namespace paddle
