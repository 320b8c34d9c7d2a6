#pragma once
/* Writes a greeting of `name` to standard output; returns 0, or -1 when that fails. */
int greet(const char *name);
