// SPDX-License-Identifier: Apache-2.0
#include "nn/model.h"

#include "core/error.h"
#include "nn/description.h"
#include "nn/layers.h"

namespace paddle {

Model::Model(const std::string& description, const Shape& input, std::uint64_t seed)
    : input_shape_(input), layers_(parse_description(description, input, seed)) {
  for (std::size_t i = 0; i < layers_.size(); ++i)
    for (Parameter* parameter : layers_[i]->parameters()) {
      parameter->name = concat(i, '.', parameter->name);
      parameters_.push_back(parameter);
    }
}

std::string Model::description() const {
  std::string text;
  for (const auto& layer : layers_) {
    if (!text.empty()) text += "; ";
    text += layer->describe();
  }
  return text;
}

const Tensor& Model::forward(const Tensor& x) {
  if (x.rank() == 0 || sample_of(x.shape()) != input_shape_)
    fail("the model takes samples of shape ", to_string(input_shape_),
         ", not a batch of shape ", to_string(x.shape()));
  const Tensor* current = &x;
  for (const auto& layer : layers_) current = &layer->forward(*current);
  return *current;
}

const Tensor& Model::backward(const Tensor& dy, bool need_dx) {
  const Tensor* current = &dy;
  for (std::size_t i = layers_.size(); i-- > 0;)
    current = &layers_[i]->backward(*current, need_dx || i > 0);
  return *current;
}

void Model::zero_gradients() {
  for (Parameter* parameter : parameters_) parameter->gradient.fill(0.0f);
}

std::size_t Model::trainable_count() const {
  std::size_t count = 0;
  for (const Parameter* parameter : parameters_)
    if (parameter->trainable()) count += parameter->value.size();
  return count;
}

void Model::fit_input(const std::vector<float>& features, std::size_t samples) {
  if (auto* standardize = dynamic_cast<Standardize*>(layers_.front().get()))
    standardize->fit(features, samples);
}

std::string mlp_description(std::int64_t classes) {
  return concat("standardize; dense 64; relu; dense 32; relu; dense ", classes);
}

std::string convnet_description(std::int64_t classes) {
  return concat(
      "conv 8 3 1 1; relu; maxpool 2; conv 16 3 1 1; relu; maxpool 2; dense 32; relu; "
      "dense ",
      classes);
}

}  // namespace paddle
