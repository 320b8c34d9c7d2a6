/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PADDLE_EXPORT_H
#define PADDLE_EXPORT_H

/* The library hides all its symbols but those marked with this. */
#define PADDLE_API __attribute__((visibility("default")))

#endif
