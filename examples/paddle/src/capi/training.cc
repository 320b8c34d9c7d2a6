// SPDX-License-Identifier: Apache-2.0
#include "capi/handles.h"
#include "kernels/dispatch.h"
#include "paddle/model.h"
#include "train/trainer.h"

#include <algorithm>

using namespace paddle::capi;

paddle_optimizer* paddle_optimizer_new(const char* kind, float learning_rate,
                                       float momentum, float weight_decay) {
  return new_object<paddle_optimizer>([&] {
    return paddle::make_optimizer({&required(kind, "the optimizer's name"),
                                   learning_rate, momentum, weight_decay});
  });
}

void paddle_optimizer_free(paddle_optimizer* optimizer) { delete optimizer; }

int paddle_train_batch(paddle_model* model, paddle_optimizer* optimizer,
                       const paddle_tensor* x, const int32_t* labels, double* loss) {
  return status_of([&] {
    const paddle::Tensor& batch = required(x, "the batch").value;
    required(labels, "the array of labels");
    const std::size_t count = batch.rank() == 0 ? 0 : batch.dim(0);
    paddle::Buffer<std::int32_t> classes(paddle::kernels(), count);
    std::copy_n(labels, count, classes.data());
    const double before = paddle::train_batch(
        required(model, "the model").value, *required(optimizer, "the optimizer").value,
        batch, classes);
    if (loss != nullptr) *loss = before;
  });
}

int paddle_train_batch_regression(paddle_model* model, paddle_optimizer* optimizer,
                                  const paddle_tensor* x, const paddle_tensor* target,
                                  double* loss) {
  return status_of([&] {
    const double before = paddle::train_batch(
        required(model, "the model").value, *required(optimizer, "the optimizer").value,
        required(x, "the batch").value, required(target, "the target").value);
    if (loss != nullptr) *loss = before;
  });
}

int paddle_train(paddle_model* model, paddle_optimizer* optimizer,
                 const paddle_dataset* dataset, const paddle_train_options* options,
                 paddle_epoch_callback callback, void* user) {
  return status_of([&] {
    const paddle_train_options& given = required(options, "the options");
    const paddle::TrainOptions wanted{given.epochs, given.batch_size, given.seed};
    const paddle::Dataset& data = required(dataset, "the data set").value;
    paddle::Model& trained = required(model, "the model").value;
    trained.fit_input(data.features(), data.size());
    paddle::train(trained, *required(optimizer, "the optimizer").value, data, wanted,
                  [&](const paddle::EpochReport& report) {
                    return callback == nullptr || callback(report.epoch, report.loss,
                                                           report.accuracy, user) == 0;
                  });
  });
}

int paddle_evaluate(paddle_model* model, const paddle_dataset* dataset, double* loss,
                    double* accuracy) {
  return status_of([&] {
    const paddle::Evaluation result = paddle::evaluate(
        required(model, "the model").value, required(dataset, "the data set").value);
    if (loss != nullptr) *loss = result.loss;
    if (accuracy != nullptr) *accuracy = result.accuracy;
  });
}

paddle_tensor* paddle_predict(paddle_model* model, const paddle_dataset* dataset) {
  return new_object<paddle_tensor>([&] {
    return paddle::predict(required(model, "the model").value,
                           required(dataset, "the data set").value);
  });
}
