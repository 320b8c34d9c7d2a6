/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_TENSOR_H
#define PADDLE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "paddle/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A dense, row-major array of floats. */
typedef struct paddle_tensor paddle_tensor;

/* `values` holds as many floats as the shape has elements, or is NULL for zeros. */
PADDLE_API paddle_tensor* paddle_tensor_new(const int64_t* shape, size_t rank,
                                            const float* values);
/* Numbers of a normal distribution with mean 0 and deviation 1. */
PADDLE_API paddle_tensor* paddle_tensor_random(const int64_t* shape, size_t rank,
                                               uint64_t seed);
PADDLE_API void paddle_tensor_free(paddle_tensor* tensor);

PADDLE_API size_t paddle_tensor_rank(const paddle_tensor* tensor);
/* `rank` extents, valid as long as the tensor. */
PADDLE_API const int64_t* paddle_tensor_shape(const paddle_tensor* tensor);
PADDLE_API size_t paddle_tensor_size(const paddle_tensor* tensor);
/* The elements, valid as long as the tensor; they may be written. NULL on error. */
PADDLE_API float* paddle_tensor_data(paddle_tensor* tensor);

/* The results below are new tensors. */

/* The same elements in another shape. */
PADDLE_API paddle_tensor* paddle_tensor_reshape(const paddle_tensor* x,
                                                const int64_t* shape, size_t rank);

typedef enum paddle_binary {
  PADDLE_ADD = 0,
  PADDLE_SUBTRACT = 1,
  PADDLE_MULTIPLY = 2
} paddle_binary;

/* Element by element; the shapes must be the same. */
PADDLE_API paddle_tensor* paddle_tensor_binary(paddle_binary op, const paddle_tensor* a,
                                               const paddle_tensor* b);
PADDLE_API paddle_tensor* paddle_tensor_scale(float factor, const paddle_tensor* x);

typedef enum paddle_unary {
  PADDLE_RELU = 0,
  PADDLE_SIGMOID = 1,
  PADDLE_TANH = 2,
  PADDLE_SOFTMAX = 3 /* of each row */
} paddle_unary;

PADDLE_API paddle_tensor* paddle_tensor_unary(paddle_unary op, const paddle_tensor* x);

/* op(a) * op(b), where op transposes if the flag is not 0. */
PADDLE_API paddle_tensor* paddle_tensor_matmul(const paddle_tensor* a, int transpose_a,
                                               const paddle_tensor* b, int transpose_b);

/*
 * x is [images, channels, height, width], weights [filters, channels, kernel, kernel],
 * bias [filters] or NULL.
 */
PADDLE_API paddle_tensor* paddle_tensor_conv2d(const paddle_tensor* x,
                                               const paddle_tensor* weights,
                                               const paddle_tensor* bias,
                                               int64_t stride, int64_t padding);
PADDLE_API paddle_tensor* paddle_tensor_max_pool(const paddle_tensor* x,
                                                 int64_t window);

#ifdef __cplusplus
}
#endif

#endif
