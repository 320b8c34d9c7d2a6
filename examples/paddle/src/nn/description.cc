// SPDX-License-Identifier: Apache-2.0
#include "nn/description.h"

#include <charconv>
#include <sstream>

#include "core/error.h"
#include "nn/layers.h"

namespace paddle {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// The words of one layer: its name and its numbers.
class LayerWords {
 public:
  explicit LayerWords(std::vector<std::string> words) : words_(std::move(words)) {}

  const std::string& name() const { return words_.front(); }

  void expect_numbers(std::size_t least, std::size_t most) const {
    const std::size_t count = words_.size() - 1;
    if (count >= least && count <= most) return;
    if (least == most) fail("'", name(), "' takes ", least, " numbers, not ", count);
    fail("'", name(), "' takes ", least, " to ", most, " numbers, not ", count);
  }

  std::int64_t number(std::size_t index, std::int64_t otherwise = 0) const {
    if (index + 1 >= words_.size()) return otherwise;
    const std::string& word = words_[index + 1];
    // A bound on sizes keeps products of a few of them far from overflow.
    constexpr std::int64_t kMost = 1 << 20;
    std::int64_t value = 0;
    const char* end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data(), end, value);
    if (error != std::errc() || stop != end || value < 0 || value > kMost)
      fail("'", word, "' is not a size between 0 and ", kMost);
    return value;
  }

 private:
  std::vector<std::string> words_;
};

std::unique_ptr<Layer> make_layer(const LayerWords& words, const Shape& input,
                                  Random& random) {
  const std::string& name = words.name();
  if (name == "dense") {
    words.expect_numbers(1, 1);
    return std::make_unique<Dense>(input, words.number(0), random);
  }
  if (name == "conv") {
    words.expect_numbers(2, 4);
    return std::make_unique<Conv2d>(input, words.number(0), words.number(1),
                                    words.number(2, 1), words.number(3, 0), random);
  }
  if (name == "maxpool") {
    words.expect_numbers(1, 1);
    return std::make_unique<MaxPool>(input, words.number(0));
  }
  words.expect_numbers(0, 0);
  if (name == "relu")
    return std::make_unique<ActivationLayer>(input, ops::Activation::kRelu);
  if (name == "sigmoid")
    return std::make_unique<ActivationLayer>(input, ops::Activation::kSigmoid);
  if (name == "tanh")
    return std::make_unique<ActivationLayer>(input, ops::Activation::kTanh);
  if (name == "standardize") return std::make_unique<Standardize>(input);
  fail("there is no layer '", name,
       "' (there are dense, conv, maxpool, relu, sigmoid, tanh, standardize)");
}

}  // namespace

std::vector<std::unique_ptr<Layer>> parse_description(const std::string& description,
                                                      const Shape& input,
                                                      std::uint64_t seed) {
  Random random(seed);
  std::vector<std::unique_ptr<Layer>> layers;
  Shape shape = input;
  std::istringstream in(description);
  for (std::string part; std::getline(in, part, ';');) {
    const LayerWords words(words_of(part));
    try {
      if (words_of(part).empty()) fail("nothing between two ';'");
      layers.push_back(make_layer(words, shape, random));
    } catch (const Error& error) {
      fail("layer ", layers.size() + 1, " of the model: ", error.what());
    }
    shape = layers.back()->output_shape();
  }
  if (layers.empty()) fail("the model has no layers");
  return layers;
}

}  // namespace paddle
