/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_MODEL_H
#define PADDLE_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "paddle/dataset.h"
#include "paddle/export.h"
#include "paddle/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A chain of layers. */
typedef struct paddle_model paddle_model;

/*
 * `layers` names the layers, such as "conv 8 3 1 1; relu; maxpool 2; dense 4":
 *
 *     dense UNITS
 *     conv FILTERS KERNEL [STRIDE [PADDING]]
 *     maxpool WINDOW
 *     relu | sigmoid | tanh
 *     standardize
 *
 * `shape` is that of one sample, and `seed` decides the first weights.
 */
PADDLE_API paddle_model* paddle_model_new(const char* layers, const int64_t* shape,
                                          size_t rank, uint64_t seed);
/* The "mlp" or the "convnet" of the tutorial, for samples and classes of this data. */
PADDLE_API paddle_model* paddle_model_preset(const char* name,
                                             const paddle_dataset* dataset,
                                             uint64_t seed);
PADDLE_API paddle_model* paddle_model_load(const char* path);
PADDLE_API int paddle_model_save(const paddle_model* model, const char* path);
PADDLE_API void paddle_model_free(paddle_model* model);

/* The layers, as paddle_model_new() takes them. Valid as long as the model. */
PADDLE_API const char* paddle_model_layers(const paddle_model* model);
/* The shape of one sample. */
PADDLE_API size_t paddle_model_rank(const paddle_model* model);
PADDLE_API const int64_t* paddle_model_shape(const paddle_model* model);
/* How many numbers training changes. */
PADDLE_API size_t paddle_model_parameters(const paddle_model* model);

/* The output for a batch. */
PADDLE_API paddle_tensor* paddle_model_forward(paddle_model* model,
                                               const paddle_tensor* x);

/* How training changes the parameters. One optimizer is for one model. */
typedef struct paddle_optimizer paddle_optimizer;

/* `kind` is "sgd" or "adam"; `momentum` is of sgd only. */
PADDLE_API paddle_optimizer* paddle_optimizer_new(const char* kind, float learning_rate,
                                                  float momentum, float weight_decay);
PADDLE_API void paddle_optimizer_free(paddle_optimizer* optimizer);

/* One step on a batch with one class per sample; *loss gets the loss before it. */
PADDLE_API int paddle_train_batch(paddle_model* model, paddle_optimizer* optimizer,
                                  const paddle_tensor* x, const int32_t* labels,
                                  double* loss);
/* One step on a batch towards the squared error 0 from `target`. */
PADDLE_API int paddle_train_batch_regression(paddle_model* model,
                                             paddle_optimizer* optimizer,
                                             const paddle_tensor* x,
                                             const paddle_tensor* target, double* loss);

typedef struct paddle_train_options {
  int epochs;
  size_t batch_size;
  uint64_t seed; /* of the order of the samples */
} paddle_train_options;

/* `epoch` counts from 1. A result that is not 0 stops the training. */
typedef int (*paddle_epoch_callback)(int epoch, double loss, double accuracy,
                                     void* user);

/*
 * Trains a classifier. A leading "standardize" layer first learns the data's means and
 * deviations. `callback` may be NULL.
 */
PADDLE_API int paddle_train(paddle_model* model, paddle_optimizer* optimizer,
                            const paddle_dataset* dataset,
                            const paddle_train_options* options,
                            paddle_epoch_callback callback, void* user);

PADDLE_API int paddle_evaluate(paddle_model* model, const paddle_dataset* dataset,
                               double* loss, double* accuracy);

/* The class probabilities of each sample, [samples, classes]. */
PADDLE_API paddle_tensor* paddle_predict(paddle_model* model,
                                         const paddle_dataset* dataset);

#ifdef __cplusplus
}
#endif

#endif
