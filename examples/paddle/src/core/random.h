// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace paddle {

/// xoshiro256**, seeded by splitmix64. The distributions of <random> differ between
/// standard libraries; with these, a seed means the same numbers everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed);

  std::uint64_t next();
  /// In [0, 1).
  float uniform();
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Mean 0, standard deviation 1.
  float normal();
  /// In [0, bound); `bound` is not 0.
  std::size_t below(std::size_t bound);

  /// 0 … count-1 in random order.
  std::vector<std::size_t> permutation(std::size_t count);

 private:
  std::uint64_t state_[4];
  float spare_normal_ = 0.0f;
  bool has_spare_ = false;
};

}  // namespace paddle
