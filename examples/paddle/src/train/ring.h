// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace paddle {

/// An open socket.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  ~Socket() { reset(); }
  Socket(Socket&& other) noexcept : descriptor_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  int get() const { return descriptor_; }
  int release() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor;
  }
  void reset(int descriptor = -1);

 private:
  int descriptor_;
};

/// Processes in a circle, each connected to the one before and the one after it.
class Ring {
 public:
  using Clock = std::chrono::steady_clock;

  /// Rank 0 listens at `address` and `port`, and all others find it there. Throws when
  /// they are not all there after `seconds`.
  Ring(int rank, int size, const std::string& address, int port, double seconds);

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Replaces the numbers by their sum over all ranks. Each sum is computed by one rank,
  /// in the order of the circle, so all ranks get the same bits; two ranks get those of
  /// the sum in either order.
  void sum(float* numbers, std::size_t count);

 private:
  void join(const std::string& address, int port, Clock::time_point deadline);
  /// Sends to the next rank and receives from the one before it, both at once.
  void exchange(const float* out, std::size_t out_count, float* in, std::size_t in_count);

  int rank_, size_;
  Socket before_, next_;
  std::vector<float> received_;
};

}  // namespace paddle
