/* Says how many bytes zlib makes of standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "names.h"

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        printf("%s, with zlib %s\n", NAME, zlibVersion());
        return 0;
    }
    static unsigned char in[1 << 20];
    size_t size = fread(in, 1, sizeof in, stdin);
    uLongf shrunk = compressBound(size);
    unsigned char *out = malloc(shrunk);
    if (!out || compress(out, &shrunk, in, size) != Z_OK) {
        return 1;
    }
    printf("%zu bytes become %lu\n", size, (unsigned long)shrunk);
    free(out);
    return 0;
}
