// SPDX-License-Identifier: Apache-2.0
#include "core/storage.h"

#include "core/error.h"

namespace paddle {

Storage::Storage(const KernelTable& family, std::size_t bytes)
    : memory_(bytes == 0 ? nullptr : family.allocate(bytes), family.release),
      bytes_(bytes),
      family_(&family) {
  if (bytes != 0 && memory_ == nullptr)
    fail("cannot allocate ", bytes, " bytes for the ", family.name, " kernels");
}

}  // namespace paddle
