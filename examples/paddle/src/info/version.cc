// SPDX-License-Identifier: Apache-2.0
// The only file that knows the version (PADDLE_VERSION), so that a new version
// recompiles this file and nothing else.

#include "info/version.h"

namespace paddle {

const char* version() { return PADDLE_VERSION; }

}  // namespace paddle
