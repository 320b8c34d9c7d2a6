/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_PADDLE_H
#define PADDLE_PADDLE_H

/*
 * The C interface of paddle, a small machine-learning library.
 *
 * Objects are opaque and belong to the caller, who gives each back to its ..._free()
 * function (which takes NULL too). A function that can fail returns 0 or an object when
 * all is well, and -1 or NULL when not; paddle_last_error() then says why. One object
 * is for one thread at a time.
 */

#include "paddle/dataset.h"
#include "paddle/distributed.h"
#include "paddle/export.h"
#include "paddle/info.h"
#include "paddle/model.h"
#include "paddle/tensor.h"

#endif
