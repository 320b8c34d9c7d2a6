#pragma once
#include <stdio.h>

struct tally {
    long lines, characters;
};

/* Counts what `file` holds from here to its end; returns 0, or -1 when it cannot be read. */
int tally_count(FILE *file, struct tally *counted);
