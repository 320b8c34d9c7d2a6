// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the opaque types of the C interface are, and how its functions turn exceptions
// into return codes.

#include <exception>
#include <memory>
#include <string>

#include "core/error.h"
#include "data/dataset.h"
#include "nn/model.h"
#include "optim/optimizer.h"

struct paddle_tensor {
  paddle::Tensor value;
};

struct paddle_dataset {
  paddle::Dataset value;
};

struct paddle_model {
  explicit paddle_model(paddle::Model model)
      : value(std::move(model)), layers(value.description()) {}

  paddle::Model value;
  std::string layers;  // for paddle_model_layers()
};

struct paddle_optimizer {
  std::unique_ptr<paddle::Optimizer> value;
};

namespace paddle::capi {

void set_last_error(const char* message) noexcept;

/// Runs body(); returns what it returns, or `on_error` after an exception.
template <class Result, class Body>
Result guarded(Result on_error, Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    set_last_error("out of memory");
  } catch (const std::exception& error) {
    set_last_error(error.what());
  }
  return on_error;
}

/// For functions that return 0 or -1.
template <class Body>
int status_of(Body body) noexcept {
  return guarded(-1, [&] {
    body();
    return 0;
  });
}

/// For functions that return a new object: body() makes its contents.
template <class Object, class Body>
Object* new_object(Body body) noexcept {
  return guarded<Object*>(nullptr, [&] { return new Object{body()}; });
}

/// The object behind a pointer that must not be null.
template <class T>
T& required(T* pointer, const char* what) {
  if (pointer == nullptr) fail(what, " is NULL");
  return *pointer;
}

inline Shape shape_from(const std::int64_t* extents, std::size_t rank) {
  if (rank != 0) required(extents, "the shape");
  return Shape(extents, extents + rank);
}

}  // namespace paddle::capi
