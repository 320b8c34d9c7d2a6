#ifndef CHIME_H
#define CHIME_H

/* Writes `hours` strokes into `text`, which has room for `size` bytes; the strokes written. */
int chime(char *text, int size, int hours);

#endif
