// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <vector>

#include "data/dataset.h"
#include "nn/model.h"
#include "optim/optimizer.h"
#include "train/ring.h"

namespace paddle {

struct TrainOptions {
  int epochs = 10;
  std::size_t batch_size = 32;
  std::uint64_t seed = 1;  // of the order of the samples
};

struct EpochReport {
  int epoch;  // from 1
  double loss;
  double accuracy;  // while training, so of weights that still moved
};

struct Evaluation {
  double loss;
  double accuracy;
};

/// One step on one batch with labels; returns the loss before the step.
double train_batch(Model& model, Optimizer& optimizer, const Tensor& x,
                   const Buffer<std::int32_t>& labels);
/// The same with the squared error from `target`.
double train_batch(Model& model, Optimizer& optimizer, const Tensor& x,
                   const Tensor& target);

/// The same on a batch that is spread over the ranks of a ring, evenly: one step with the
/// mean of their gradients. All ranks must begin with the same model.
double train_batch(Ring& ring, Model& model, Optimizer& optimizer, const Tensor& x,
                   const Buffer<std::int32_t>& labels);

/// Trains a classifier. `report` is called after each epoch and may return false to
/// stop.
void train(Model& model, Optimizer& optimizer, const Dataset& data,
           const TrainOptions& options,
           const std::function<bool(const EpochReport&)>& report);

Evaluation evaluate(Model& model, const Dataset& data);

/// Class probabilities, [samples, classes].
Tensor predict(Model& model, const Dataset& data);

/// The index of the largest value of each row.
std::vector<std::int32_t> argmax_rows(const Tensor& x);

}  // namespace paddle
