// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "ops/ops.h"

namespace paddle {
namespace {

/// Bounds the memory that evaluation takes for the outputs of the layers.
constexpr std::size_t kEvaluationBatch = 256;

void require_classifier_for(const Model& model, const Dataset& data) {
  if (!data.labelled()) fail("the data has no classes to learn or check");
  const Shape& output = model.output_shape();
  if (output.size() != 1 || output[0] < data.classes())
    fail("the model's output has shape ", to_string(output), ", but the data has ",
         data.classes(), " classes");
}

std::size_t count_correct(const Tensor& logits, const Buffer<std::int32_t>& labels) {
  const std::vector<std::int32_t> guesses = argmax_rows(logits);
  const std::int32_t* label = labels.data();
  std::size_t correct = 0;
  for (std::size_t i = 0; i < guesses.size(); ++i) correct += guesses[i] == label[i];
  return correct;
}

std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// Calls body(x, labels, first) for batch after batch of the data in `order`.
template <class Body>
void for_batches(const Dataset& data, const std::vector<std::size_t>& order,
                 std::size_t batch_size, Body body) {
  Tensor x;
  Buffer<std::int32_t> labels;
  for (std::size_t begin = 0; begin < order.size(); begin += batch_size) {
    data.batch(order, begin, std::min(batch_size, order.size() - begin), x, labels);
    body(x, labels, begin);
  }
}

void apply_gradient(Model& model, Optimizer& optimizer, const Tensor& gradient) {
  model.zero_gradients();
  model.backward(gradient);
  optimizer.step(model.parameters());
}

}  // namespace

double train_batch(Model& model, Optimizer& optimizer, const Tensor& x,
                   const Buffer<std::int32_t>& labels) {
  Tensor gradient;
  const double loss = ops::cross_entropy(model.forward(x), labels, gradient);
  apply_gradient(model, optimizer, gradient);
  return loss;
}

double train_batch(Ring& ring, Model& model, Optimizer& optimizer, const Tensor& x,
                   const Buffer<std::int32_t>& labels) {
  Tensor gradient;
  const double loss = ops::cross_entropy(model.forward(x), labels, gradient);
  model.zero_gradients();
  model.backward(gradient);
  // All in one message: it is the number of messages that takes the time.
  std::vector<float> shared{static_cast<float>(loss)};
  for (Parameter* parameter : model.parameters()) {
    const float* from = parameter->gradient.data();
    shared.insert(shared.end(), from, from + parameter->gradient.size());
  }
  ring.sum(shared.data(), shared.size());
  const float share = 1.0f / static_cast<float>(ring.size());
  for (float& number : shared) number *= share;
  const float* from = shared.data() + 1;
  for (Parameter* parameter : model.parameters()) {
    std::copy_n(from, parameter->gradient.size(), parameter->gradient.data());
    from += parameter->gradient.size();
  }
  optimizer.step(model.parameters());
  return static_cast<double>(shared.front());
}

double train_batch(Model& model, Optimizer& optimizer, const Tensor& x,
                   const Tensor& target) {
  Tensor gradient;
  const double loss = ops::mean_squared_error(model.forward(x), target, gradient);
  apply_gradient(model, optimizer, gradient);
  return loss;
}

void train(Model& model, Optimizer& optimizer, const Dataset& data,
           const TrainOptions& options,
           const std::function<bool(const EpochReport&)>& report) {
  require_classifier_for(model, data);
  if (options.epochs < 1) fail("the number of epochs must be above 0");
  if (options.batch_size < 1) fail("the batch size must be above 0");
  Random random(options.seed);
  Tensor gradient;
  for (int epoch = 1; epoch <= options.epochs; ++epoch) {
    double loss = 0.0;
    std::size_t correct = 0;
    for_batches(data, random.permutation(data.size()), options.batch_size,
                [&](const Tensor& x, const Buffer<std::int32_t>& labels, std::size_t) {
                  const Tensor& logits = model.forward(x);
                  correct += count_correct(logits, labels);
                  loss += ops::cross_entropy(logits, labels, gradient) *
                          static_cast<double>(labels.size());
                  apply_gradient(model, optimizer, gradient);
                });
    const auto samples = static_cast<double>(data.size());
    if (!std::isfinite(loss))
      fail("the loss of epoch ", epoch, " is not finite; try a smaller learning rate");
    if (!report({epoch, loss / samples, static_cast<double>(correct) / samples}))
      return;
  }
}

Evaluation evaluate(Model& model, const Dataset& data) {
  require_classifier_for(model, data);
  double loss = 0.0;
  std::size_t correct = 0;
  Tensor gradient;
  for_batches(data, in_order(data.size()), kEvaluationBatch,
              [&](const Tensor& x, const Buffer<std::int32_t>& labels, std::size_t) {
                const Tensor& logits = model.forward(x);
                correct += count_correct(logits, labels);
                loss += ops::cross_entropy(logits, labels, gradient) *
                        static_cast<double>(labels.size());
              });
  const auto samples = static_cast<double>(data.size());
  return {loss / samples, static_cast<double>(correct) / samples};
}

Tensor predict(Model& model, const Dataset& data) {
  const std::size_t columns = element_count(model.output_shape());
  Tensor result(
      {static_cast<std::int64_t>(data.size()), static_cast<std::int64_t>(columns)});
  Tensor probabilities;
  for_batches(data, in_order(data.size()), kEvaluationBatch,
              [&](const Tensor& x, const Buffer<std::int32_t>&, std::size_t first) {
                ops::softmax(model.forward(x), probabilities);
                std::copy_n(probabilities.data(), probabilities.size(),
                            result.data() + first * columns);
              });
  return result;
}

std::vector<std::int32_t> argmax_rows(const Tensor& x) {
  const std::size_t columns = element_count(sample_of(x.shape()));
  const float* row = x.data();
  std::vector<std::int32_t> result(x.dim(0));
  for (std::int32_t& index : result) {
    index = static_cast<std::int32_t>(std::max_element(row, row + columns) - row);
    row += columns;
  }
  return result;
}

}  // namespace paddle
