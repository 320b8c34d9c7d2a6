/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_DISTRIBUTED_H
#define PADDLE_DISTRIBUTED_H

#include <stddef.h>
#include <stdint.h>

#include "paddle/export.h"
#include "paddle/model.h"
#include "paddle/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Processes that compute together, numbered from 0, each of which talks to the next one.
 * There is neither encryption nor a password: this is for a cluster's own network.
 */
typedef struct paddle_ring paddle_ring;

/*
 * Waits for the others, at most `seconds`: rank 0 listens at `address` (a name, or an
 * IPv4 address) and `port`, and all others find it there.
 */
PADDLE_API paddle_ring* paddle_ring_new(int rank, int size, const char* address, int port,
                                        double seconds);
PADDLE_API void paddle_ring_free(paddle_ring* ring);

/* Replaces the numbers by their sum over all ranks; every rank gets the same bits. */
PADDLE_API int paddle_ring_sum(paddle_ring* ring, float* numbers, size_t count);

/*
 * One step on a batch whose samples are spread over the ranks of a ring, the same number
 * on each; *loss gets the loss of the whole batch before it. All ranks must begin with
 * the same model, and then have the same model after each step.
 */
PADDLE_API int paddle_train_batch_on(paddle_ring* ring, paddle_model* model,
                                     paddle_optimizer* optimizer, const paddle_tensor* x,
                                     const int32_t* labels, double* loss);

#ifdef __cplusplus
}
#endif

#endif
