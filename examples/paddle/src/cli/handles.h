// SPDX-License-Identifier: Apache-2.0
#pragma once

// The program uses the library through its C interface, as any other program would.
// Here are owners for its objects and exceptions for its return codes.

#include <memory>
#include <stdexcept>
#include <string>

#include "paddle/paddle.h"

namespace cli {

/// A mistake in the command line or the data; main() prints it.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <auto release>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    release(object);
  }
};

using Tensor = std::unique_ptr<paddle_tensor, Deleter<paddle_tensor_free>>;
using Dataset = std::unique_ptr<paddle_dataset, Deleter<paddle_dataset_free>>;
using Model = std::unique_ptr<paddle_model, Deleter<paddle_model_free>>;
using Optimizer = std::unique_ptr<paddle_optimizer, Deleter<paddle_optimizer_free>>;

/// Throws what the library says when it returned no object.
template <class T>
T* checked(T* object) {
  if (object == nullptr) throw Failure(paddle_last_error());
  return object;
}

inline void checked(int status) {
  if (status != 0) throw Failure(paddle_last_error());
}

}  // namespace cli
