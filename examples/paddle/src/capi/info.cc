// SPDX-License-Identifier: Apache-2.0
#include "paddle/info.h"

#include <cstring>

#include "capi/handles.h"
#include "core/thread_pool.h"
#include "info/cpu.h"
#include "info/self_check.h"
#include "info/version.h"
#include "kernels/dispatch.h"
#include "kernels/families.h"

namespace paddle::capi {
namespace {

// A fixed array and not a string: setting it cannot fail, not even without memory.
thread_local char last_error[512];

}  // namespace

void set_last_error(const char* message) noexcept {
  std::strncpy(last_error, message, sizeof last_error - 1);
  last_error[sizeof last_error - 1] = '\0';
}

}  // namespace paddle::capi

using namespace paddle::capi;

const char* paddle_version(void) { return paddle::version(); }

const char* paddle_build_options(void) { return paddle::build_options(); }

const char* paddle_cpu_problem(void) { return paddle::cpu_problem(); }

const char* paddle_kernel_family(void) {
  return guarded<const char*>(nullptr, [] { return paddle::kernels().name; });
}

const char* paddle_last_error(void) { return last_error; }

size_t paddle_threads(void) {
  return guarded<size_t>(0, [] { return paddle::thread_count(); });
}

int paddle_set_threads(size_t threads) {
  return status_of([&] { paddle::set_thread_count(threads); });
}

int paddle_self_check(void (*report)(const char* line, void* user), void* user) {
  return guarded(-1, [&] {
    required(report, "the report function");
    const bool well = paddle::self_check(
        [&](const std::string& line) { report(line.c_str(), user); });
    if (!well) paddle::fail("the kernels of this build do not agree");
    return 0;
  });
}
