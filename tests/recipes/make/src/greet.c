#include "greet.h"

#include <stdio.h>

int greet(const char *name) {
    return printf(HELLO ", %s!\n", name) < 0 ? -1 : 0;
}
