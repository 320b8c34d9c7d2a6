// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/dataset.h"

namespace paddle {
namespace {

Dataset make_spirals(std::size_t samples, Random& random) {
  constexpr std::size_t kClasses = 3;
  constexpr float kTwoPi = 6.2831853f;
  std::vector<float> features;
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < samples; ++i) {
    const std::size_t label = i % kClasses;
    const float radius = random.uniform(0.05f, 1.0f);
    const float turn = static_cast<float>(label) / kClasses + 0.7f * radius;
    const float angle = kTwoPi * turn + 0.15f * random.normal();
    features.push_back(radius * std::cos(angle));
    features.push_back(radius * std::sin(angle));
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return Dataset({2}, std::move(features), std::move(labels));
}

constexpr std::size_t kSide = 16;

/// One picture: a bright figure at a random place on a noisy ground.
class Picture {
 public:
  explicit Picture(Random& random) : pixels_(kSide * kSide) {
    for (float& pixel : pixels_) pixel = 0.35f * random.uniform();
    size_ = 7 + random.below(5);
    left_ = random.below(kSide - size_ + 1);
    top_ = random.below(kSide - size_ + 1);
    ink_ = random.uniform(0.6f, 1.0f);
  }

  void draw_row(std::size_t offset) {
    for (std::size_t i = 0; i < size_; ++i) ink_at(left_ + i, top_ + offset);
  }
  void draw_column(std::size_t offset) {
    for (std::size_t i = 0; i < size_; ++i) ink_at(left_ + offset, top_ + i);
  }
  std::size_t size() const { return size_; }
  const std::vector<float>& pixels() const { return pixels_; }

 private:
  void ink_at(std::size_t x, std::size_t y) { pixels_[y * kSide + x] = ink_; }

  std::vector<float> pixels_;
  std::size_t size_, left_, top_;
  float ink_;
};

Dataset make_shapes(std::size_t samples, Random& random) {
  constexpr std::size_t kClasses = 4;
  std::vector<float> features;
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < samples; ++i) {
    Picture picture(random);
    const std::size_t last = picture.size() - 1;
    const std::size_t label = i % kClasses;
    if (label == 0) {  // horizontal bar
      picture.draw_row(last / 2);
    } else if (label == 1) {  // vertical bar
      picture.draw_column(last / 2);
    } else if (label == 2) {  // cross
      picture.draw_row(last / 2);
      picture.draw_column(last / 2);
    } else {  // frame
      picture.draw_row(0);
      picture.draw_row(last);
      picture.draw_column(0);
      picture.draw_column(last);
    }
    features.insert(features.end(), picture.pixels().begin(), picture.pixels().end());
    labels.push_back(static_cast<std::int32_t>(label));
  }
  return Dataset({1, kSide, kSide}, std::move(features), std::move(labels));
}

}  // namespace

Dataset make_synthetic(const std::string& kind, std::size_t samples,
                       std::uint64_t seed) {
  if (samples < 10 || samples > 1000000)
    fail("between 10 and 1000000 samples can be made, not ", samples);
  Random random(seed);
  if (kind == "spirals") return make_spirals(samples, random);
  if (kind == "shapes") return make_shapes(samples, random);
  fail("there is no synthetic data '", kind, "' (there are spirals and shapes)");
}

}  // namespace paddle
