// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

#include "core/thread_pool.h"
#include "kernels/dispatch.h"

namespace paddle::ops {

/// Numbers of cheap operations that are worth a trip to another thread.
constexpr std::size_t kGrain = 32 * 1024;

/// Calls body(begin, count) over [0, total): in one piece for kernels that spread over
/// a device themselves, else cut up for the pool. `cost` is the work per index.
inline void for_ranges(std::size_t total, std::size_t cost,
                       const std::function<void(std::size_t, std::size_t)>& body) {
  if (kernels().parallel) {
    body(0, total);
    return;
  }
  parallel_for(total, kGrain / (cost == 0 ? 1 : cost) + 1,
               [&](std::size_t begin, std::size_t end) { body(begin, end - begin); });
}

}  // namespace paddle::ops
