#include "tally.h"

int main(void) {
    struct tally counted;
    if (tally_count(stdin, &counted) != 0) {
        perror("tally");
        return 1;
    }
    printf("%ld %ld\n", counted.lines, counted.characters);
    return 0;
}
