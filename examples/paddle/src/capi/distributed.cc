// SPDX-License-Identifier: Apache-2.0
#include "paddle/distributed.h"

#include <algorithm>

#include "capi/handles.h"
#include "kernels/dispatch.h"
#include "train/ring.h"
#include "train/trainer.h"

struct paddle_ring {
  paddle::Ring value;
};

using namespace paddle::capi;

paddle_ring* paddle_ring_new(int rank, int size, const char* address, int port,
                             double seconds) {
  return new_object<paddle_ring>([&] {
    return paddle::Ring(rank, size, &required(address, "the address"), port, seconds);
  });
}

void paddle_ring_free(paddle_ring* ring) { delete ring; }

int paddle_ring_sum(paddle_ring* ring, float* numbers, size_t count) {
  return status_of([&] {
    if (count != 0) required(numbers, "the array of numbers");
    required(ring, "the ring").value.sum(numbers, count);
  });
}

int paddle_train_batch_on(paddle_ring* ring, paddle_model* model,
                          paddle_optimizer* optimizer, const paddle_tensor* x,
                          const int32_t* labels, double* loss) {
  return status_of([&] {
    const paddle::Tensor& batch = required(x, "the batch").value;
    required(labels, "the array of labels");
    const std::size_t count = batch.rank() == 0 ? 0 : batch.dim(0);
    paddle::Buffer<std::int32_t> classes(paddle::kernels(), count);
    std::copy_n(labels, count, classes.data());
    const double before = paddle::train_batch(
        required(ring, "the ring").value, required(model, "the model").value,
        *required(optimizer, "the optimizer").value, batch, classes);
    if (loss != nullptr) *loss = before;
  });
}
