/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_DATASET_H
#define PADDLE_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "paddle/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Samples of one shape, with a class (0, 1, 2 ...) for each or without classes. */
typedef struct paddle_dataset paddle_dataset;

/* `shape` is that of one sample. `labels` is NULL for data without classes. */
PADDLE_API paddle_dataset* paddle_dataset_new(const int64_t* shape, size_t rank,
                                              const float* features,
                                              const int32_t* labels, size_t samples);

/*
 * Comma-separated numbers, one sample per line; the first line may hold names. With
 * `features` 0 the last column is the class; otherwise each line has that many
 * features, and a class after them or none. Errors name file, line and column.
 */
PADDLE_API paddle_dataset* paddle_dataset_read_csv(const char* path, size_t features);

/* IDX files of images and, unless NULL, of their classes. Errors name file and byte. */
PADDLE_API paddle_dataset* paddle_dataset_read_idx(const char* images_path,
                                                   const char* labels_path);

/* Data to try things on: "spirals" (points) or "shapes" (16 x 16 pictures). */
PADDLE_API paddle_dataset* paddle_dataset_synthetic(const char* kind, size_t samples,
                                                    uint64_t seed);

/* Puts a random fraction of the samples into *part and the others into *rest. */
PADDLE_API int paddle_dataset_split(const paddle_dataset* dataset, double fraction,
                                    uint64_t seed, paddle_dataset** part,
                                    paddle_dataset** rest);

PADDLE_API void paddle_dataset_free(paddle_dataset* dataset);

PADDLE_API size_t paddle_dataset_size(const paddle_dataset* dataset);
/* One more than the largest class; 0 for data without classes. */
PADDLE_API int64_t paddle_dataset_classes(const paddle_dataset* dataset);
/* The shape of one sample. */
PADDLE_API size_t paddle_dataset_rank(const paddle_dataset* dataset);
PADDLE_API const int64_t* paddle_dataset_shape(const paddle_dataset* dataset);
/* All features, sample after sample. */
PADDLE_API const float* paddle_dataset_features(const paddle_dataset* dataset);
/* NULL for data without classes. */
PADDLE_API const int32_t* paddle_dataset_labels(const paddle_dataset* dataset);

#ifdef __cplusplus
}
#endif

#endif
