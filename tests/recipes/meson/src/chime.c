#include "chime.h"

#include <string.h>

#ifdef LOUD
#define STROKE "DONG"
#else
#define STROKE "dong"
#endif

int chime(char *text, int size, int hours) {
    int struck = 0;
    text[0] = '\0';
    while (struck < hours && strlen(text) + sizeof STROKE + 1 < (size_t)size) {
        strcat(text, struck ? " " STROKE : STROKE);
        ++struck;
    }
    return struck;
}
