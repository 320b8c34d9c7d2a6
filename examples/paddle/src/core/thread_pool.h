// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace paddle {

/// A fixed set of threads that work on one job at a time; the caller of run() is one of
/// them.
///
/// In a child after fork() the other threads are gone, and a lock that one of them held
/// stays locked: a pool that was made before the fork does all work on the caller's
/// thread there, and takes no lock.
class ThreadPool {
 public:
  /// `threads` counts the caller: a pool of 1 starts no thread.
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();  // in the process that made it
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t threads() const { return workers_.size() + 1; }
  /// Whether fork() has copied this pool from the process that has its threads.
  bool inherited() const;

  /// Calls task(0) … task(count-1), on any thread and in any order, and returns when
  /// all are done. Rethrows the first exception of a task. A task may call run()
  /// itself; the inner tasks then run one after the other.
  void run(std::size_t count, const std::function<void(std::size_t)>& task);

 private:
  struct Job;
  void work();
  static void take_tasks(Job& job);

  const pid_t owner_;     // the process that has the threads
  std::mutex run_mutex_;  // one job at a time
  std::mutex mutex_;      // guards the members below
  std::condition_variable job_ready_;
  std::shared_ptr<Job> job_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

/// How many threads the library computes on: PADDLE_NUM_THREADS, else one per CPU.
std::size_t thread_count();
/// Replaces the pool; not while another thread computes. A child after fork() gets
/// threads of its own by this.
void set_thread_count(std::size_t threads);

/// Splits [0, count) into ranges of at least `grain` and calls body(begin, end) for
/// each, on the library's pool. The cut points depend on the thread count, so a body
/// must compute each index on its own: then results do not depend on the threads.
void parallel_for(std::size_t count, std::size_t grain,
                  const std::function<void(std::size_t, std::size_t)>& body);

}  // namespace paddle
