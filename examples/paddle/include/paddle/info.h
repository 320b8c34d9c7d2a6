/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_INFO_H
#define PADDLE_INFO_H

#include <stddef.h>

#include "paddle/export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, such as "0.1.0". */
PADDLE_API const char* paddle_version(void);

/* What the library was built with, such as "GPU=OFF AVX=ON". */
PADDLE_API const char* paddle_build_options(void);

/*
 * NULL when the library can run on this CPU, else what to tell the user. Works on every
 * CPU; ask before anything else. (Other functions fail with the same text.)
 */
PADDLE_API const char* paddle_cpu_problem(void);

/*
 * The name of the kernels that the library computes with: "generic", "avx2" or "cuda".
 * NULL on error.
 */
PADDLE_API const char* paddle_kernel_family(void);

/* Why the last call on this thread failed; "" when none has. */
PADDLE_API const char* paddle_last_error(void);

/* How many threads the library computes on; 0 on error. */
PADDLE_API size_t paddle_threads(void);
/* Not while another thread computes. */
PADDLE_API int paddle_set_threads(size_t threads);

/*
 * Looks at the build and the machine, and compares the families of kernels on random
 * data. Calls `report` with a line at a time. 0 when all is well.
 */
PADDLE_API int paddle_self_check(void (*report)(const char* line, void* user),
                                 void* user);

#ifdef __cplusplus
}
#endif

#endif
