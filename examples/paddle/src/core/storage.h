// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/kernel_table.h"

namespace paddle {

/// A block of memory that the kernels of one family can work on. The CUDA family needs
/// memory that the device can reach, so each family brings its own allocator, and a
/// block remembers how to give itself back.
class Storage {
 public:
  Storage() = default;
  Storage(const KernelTable& family, std::size_t bytes);

  void* get() const { return memory_.get(); }
  std::size_t bytes() const { return bytes_; }

  /// Waits until the kernels that write this block are done.
  void synchronize() const {
    if (family_ != nullptr) family_->synchronize();
  }

 private:
  std::unique_ptr<void, void (*)(void*)> memory_{nullptr, nullptr};
  std::size_t bytes_ = 0;
  const KernelTable* family_ = nullptr;
};

/// An array of plain numbers in a Storage.
///
/// `data()` is for code of the host: it first waits for the kernels under way. `raw()`
/// is for passing on to a kernel and does not wait.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  Buffer(const KernelTable& family, std::size_t size) { resize(family, size); }

  std::size_t size() const { return size_; }

  /// Makes room for `size` elements; keeps the block when it is large enough. The
  /// contents are unspecified afterwards.
  void resize(const KernelTable& family, std::size_t size) {
    if (size * sizeof(T) > storage_.bytes())
      storage_ = Storage(family, size * sizeof(T));
    size_ = size;
  }

  T* data() {
    storage_.synchronize();
    return raw();
  }
  const T* data() const {
    storage_.synchronize();
    return raw();
  }
  T* raw() { return static_cast<T*>(storage_.get()); }
  const T* raw() const { return static_cast<const T*>(storage_.get()); }

 private:
  Storage storage_;
  std::size_t size_ = 0;
};

}  // namespace paddle
