// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace paddle {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::uint64_t rotate_left(std::uint64_t x, int bits) {
  return (x << bits) | (x >> (64 - bits));
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Random::next() {
  const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = rotate_left(state_[3], 45);
  return result;
}

float Random::uniform() {
  // The upper 24 bits: as many as a float holds exactly.
  return static_cast<float>(next() >> 40) * 0x1p-24f;
}

float Random::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  // Box-Muller; 1 - uniform() lies in (0, 1], where the logarithm is finite.
  constexpr float kTwoPi = 6.2831853f;
  const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform()));
  const float angle = kTwoPi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::size_t Random::below(std::size_t bound) {
  // Multiply-high maps 64 random bits to [0, bound); its bias is below 2^-32 for every
  // bound that fits a data set.
  const unsigned __int128 product = static_cast<unsigned __int128>(next()) * bound;
  return static_cast<std::size_t>(product >> 64);
}

std::vector<std::size_t> Random::permutation(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace paddle
