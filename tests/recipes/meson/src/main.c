#include "chime.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words) {
    char text[256];
    if (chime(text, sizeof text, count > 1 ? atoi(words[1]) : 3) == 0)
        return 1;
    puts(text);
    return 0;
}
