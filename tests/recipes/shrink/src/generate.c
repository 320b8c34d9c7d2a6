/* Writes the header that says what the program is called. */
#include <stdio.h>

int main(int argc, char **argv) {
    FILE *file = argc == 2 ? fopen(argv[1], "w") : NULL;
    return !file || fputs("#define NAME \"shrink\"\n", file) < 0 || fclose(file);
}
