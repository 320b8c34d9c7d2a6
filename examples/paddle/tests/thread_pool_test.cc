// SPDX-License-Identifier: Apache-2.0
#include "core/thread_pool.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "support.h"

namespace paddle::testing {
namespace {

TEST(ThreadPool, RunsEachTaskOnce) {
  ThreadPool pool(4);
  for (const std::size_t count : {0, 1, 3, 4, 1000}) {
    std::vector<std::atomic<int>> calls(count);
    pool.run(count, [&](std::size_t i) { ++calls[i]; });
    for (const auto& call : calls) EXPECT_EQ(call, 1);
  }
}

TEST(ThreadPool, PassesOnAnException) {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  const auto run = [&] {
    pool.run(50, [&](std::size_t i) {
      ++calls;
      if (i == 17) fail("task ", i);
    });
  };
  EXPECT_EQ(error_of(run), "task 17");
  EXPECT_EQ(calls, 50);
  EXPECT_EQ(error_of(run), "task 17");  // and it still works
}

TEST(ThreadPool, TasksMayUseThePool) {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  pool.run(8, [&](std::size_t) { pool.run(8, [&](std::size_t) { ++calls; }); });
  EXPECT_EQ(calls, 64);
}

TEST(ThreadPool, ParallelForCoversTheRange) {
  set_thread_count(3);
  for (const std::size_t count : {0, 1, 2, 10, 1001}) {
    std::vector<std::atomic<int>> calls(count);
    parallel_for(count, 4, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) ++calls[i];
    });
    for (const auto& call : calls) EXPECT_EQ(call, 1);
  }
}

// Programs fork: the child has the pool but not its threads, and any lock as it was.
TEST(ThreadPool, WorksInAForkedChild) {
  set_thread_count(4);
  const auto computes = [] {
    std::atomic<int> calls{0};
    parallel_for(10, 1, [&](std::size_t begin, std::size_t end) {
      calls += static_cast<int>(end - begin);
    });
    return calls == 10;
  };
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(computes());  // the threads are still going to sleep when it returns
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(10);  // should it hang
      bool right = computes();
      set_thread_count(2);
      right = right && thread_count() == 2 && computes();
      ::_exit(right ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0) << "fork " << i;
  }
}

}  // namespace
}  // namespace paddle::testing
