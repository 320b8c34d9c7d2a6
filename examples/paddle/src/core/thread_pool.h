// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace paddle {

/// A fixed set of threads that work on one job at a time.
///
/// The caller of run() works too, and it waits only for tasks that another thread has
/// taken. So a pool whose threads are gone (in a child after fork()) still finishes
/// every job, on the caller's thread.
class ThreadPool {
 public:
  /// `threads` counts the caller: a pool of 1 starts no thread.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return workers_.size() + 1; }

  /// Calls task(0) … task(count-1), on any thread and in any order, and returns when
  /// all are done. Rethrows the first exception of a task. A task may call run()
  /// itself; the inner tasks then run one after the other.
  void run(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  struct Job;
  void work();
  static void take_tasks(Job& job);

  std::mutex run_mutex_;  // one job at a time
  std::mutex mutex_;      // guards the members below
  std::condition_variable job_ready_;
  std::shared_ptr<Job> job_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

/// How many threads the library computes on: PADDLE_NUM_THREADS, else one per CPU.
std::size_t thread_count();
/// Replaces the pool; not while another thread computes.
void set_thread_count(std::size_t threads);

/// Splits [0, count) into ranges of at least `grain` and calls body(begin, end) for
/// each, on the library's pool. The cut points depend on the thread count, so a body
/// must compute each index on its own: then results do not depend on the threads.
void parallel_for(std::size_t count, std::size_t grain,
                  const std::function<void(std::size_t, std::size_t)>& body);

}  // namespace paddle
