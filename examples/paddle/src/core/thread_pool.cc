// SPDX-License-Identifier: Apache-2.0
#include "core/thread_pool.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>

#include "core/error.h"

namespace paddle {
namespace {

constexpr std::size_t kMaxThreads = 256;

// Set on every thread that is inside a task: a nested run() must not wait for the pool
// that it keeps busy.
thread_local bool inside_task = false;

}  // namespace

struct ThreadPool::Job {
  Job(std::size_t task_count, const std::function<void(std::size_t)>& function)
      : count(task_count), task(function) {}

  const std::size_t count;
  // The caller keeps the function alive until every task is done, and no thread looks
  // at it once there is no task left to take.
  const std::function<void(std::size_t)>& task;
  std::atomic<std::size_t> next{0};

  std::mutex mutex;
  std::condition_variable all_done;
  std::size_t done = 0;
  std::exception_ptr error;
};

ThreadPool::ThreadPool(std::size_t threads) : owner_(::getpid()) {
  const std::size_t wanted = std::clamp<std::size_t>(threads, 1, kMaxThreads);
  workers_.reserve(wanted - 1);
  for (std::size_t i = 1; i < wanted; ++i) workers_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  job_ready_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(std::size_t count, const std::function<void(std::size_t)>& task) {
  if (count <= 1 || workers_.empty() || inside_task || inherited()) {
    for (std::size_t i = 0; i < count; ++i) task(i);
    return;
  }
  const std::lock_guard<std::mutex> one_at_a_time(run_mutex_);
  const auto job = std::make_shared<Job>(count, task);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job_ = job;
  }
  job_ready_.notify_all();
  take_tasks(*job);
  {
    std::unique_lock<std::mutex> lock(job->mutex);
    job->all_done.wait(lock, [&] { return job->done == job->count; });
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    job_.reset();
  }
  if (job->error) std::rethrow_exception(job->error);
}

bool ThreadPool::inherited() const { return owner_ != ::getpid(); }

void ThreadPool::take_tasks(Job& job) {
  inside_task = true;
  std::size_t finished = 0;
  std::exception_ptr error;
  for (std::size_t i = job.next++; i < job.count; i = job.next++) {
    try {
      job.task(i);
    } catch (...) {
      if (!error) error = std::current_exception();
    }
    ++finished;
  }
  inside_task = false;
  if (finished == 0) return;
  const std::lock_guard<std::mutex> lock(job.mutex);
  job.done += finished;
  if (error && !job.error) job.error = error;
  if (job.done == job.count) job.all_done.notify_all();
}

void ThreadPool::work() {
  std::shared_ptr<Job> last;
  for (;;) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      job_ready_.wait(lock, [&] { return stopping_ || (job_ && job_ != last); });
      if (stopping_) return;
      job = job_;
    }
    take_tasks(*job);
    // Kept so that its address cannot come back as a new job's.
    last = std::move(job);
  }
}

namespace {

std::size_t default_thread_count() {
  if (const char* text = std::getenv("PADDLE_NUM_THREADS")) {
    char* end = nullptr;
    const long threads = std::strtol(text, &end, 10);
    if (end == text || *end != '\0' || threads < 1)
      fail("PADDLE_NUM_THREADS is '", text, "', not a number above 0");
    return static_cast<std::size_t>(threads);
  }
  return std::max(1u, std::thread::hardware_concurrency());
}

// Never destroyed: joining threads while the process exits can hang (a forked child has
// no threads to join), and threads that wait do no harm.
ThreadPool*& pool_pointer() {
  static ThreadPool* pool = new ThreadPool(default_thread_count());
  return pool;
}

}  // namespace

std::size_t thread_count() { return pool_pointer()->threads(); }

void set_thread_count(std::size_t threads) {
  if (threads < 1 || threads > kMaxThreads)
    fail("the number of threads must lie between 1 and ", kMaxThreads);
  ThreadPool*& pool = pool_pointer();
  // One that was inherited has threads to join that are not there.
  if (!pool->inherited()) delete pool;
  pool = new ThreadPool(threads);
}

void parallel_for(std::size_t count, std::size_t grain,
                  const std::function<void(std::size_t, std::size_t)>& body) {
  if (count == 0) return;
  ThreadPool& pool = *pool_pointer();
  const std::size_t most =
      (count + std::max<std::size_t>(grain, 1) - 1) / std::max<std::size_t>(grain, 1);
  const std::size_t parts = std::min(pool.threads(), most);
  pool.run(parts, [&](std::size_t part) {
    body(count * part / parts, count * (part + 1) / parts);
  });
}

}  // namespace paddle
