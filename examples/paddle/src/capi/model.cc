// SPDX-License-Identifier: Apache-2.0
#include "paddle/model.h"

#include "capi/handles.h"
#include "io/checkpoint.h"

using namespace paddle::capi;
using paddle::Model;

namespace {

/// Looks at the sizes before the layers complain in terms of kernels and windows.
Model preset(const std::string& name, const paddle::Dataset& data, std::uint64_t seed) {
  if (data.classes() < 2)
    paddle::fail("a model needs data of at least 2 classes, not ", data.classes());
  const paddle::Shape& shape = data.sample_shape();
  if (name == "mlp") return Model(paddle::mlp_description(data.classes()), shape, seed);
  if (name != "convnet")
    paddle::fail("there is no model '", name, "' (there are mlp and convnet)");
  if (shape.size() != 3 || shape[1] < 4 || shape[2] < 4)
    paddle::fail(
        "the convnet needs images of at least 4x4 pixels, not samples of shape ",
        paddle::to_string(shape));
  return Model(paddle::convnet_description(data.classes()), shape, seed);
}

}  // namespace

paddle_model* paddle_model_new(const char* layers, const int64_t* shape, size_t rank,
                               uint64_t seed) {
  return new_object<paddle_model>([&] {
    return Model(&required(layers, "the model's description"), shape_from(shape, rank),
                 seed);
  });
}

paddle_model* paddle_model_preset(const char* name, const paddle_dataset* dataset,
                                  uint64_t seed) {
  return new_object<paddle_model>([&] {
    return preset(&required(name, "the model's name"),
                  required(dataset, "the data set").value, seed);
  });
}

paddle_model* paddle_model_load(const char* path) {
  return new_object<paddle_model>(
      [&] { return paddle::load_checkpoint(&required(path, "the path")); });
}

int paddle_model_save(const paddle_model* model, const char* path) {
  return status_of([&] {
    paddle::save_checkpoint(required(model, "the model").value,
                            &required(path, "the path"));
  });
}

void paddle_model_free(paddle_model* model) { delete model; }

const char* paddle_model_layers(const paddle_model* model) {
  return model->layers.c_str();
}

size_t paddle_model_rank(const paddle_model* model) {
  return model->value.input_shape().size();
}

const int64_t* paddle_model_shape(const paddle_model* model) {
  return model->value.input_shape().data();
}

size_t paddle_model_parameters(const paddle_model* model) {
  return model->value.trainable_count();
}

paddle_tensor* paddle_model_forward(paddle_model* model, const paddle_tensor* x) {
  return new_object<paddle_tensor>([&] {
    return required(model, "the model")
        .value.forward(required(x, "the batch").value)
        .clone();
  });
}
