#include "tally.h"

int tally_count(FILE *file, struct tally *counted) {
    int byte;
    counted->lines = counted->characters = 0;
    while ((byte = getc(file)) != EOF) {
        counted->lines += byte == '\n';
#ifdef WIDE
        counted->characters += (byte & 0xc0) != 0x80; /* not a UTF-8 continuation */
#else
        counted->characters += 1;
#endif
    }
    return ferror(file) ? -1 : 0;
}
