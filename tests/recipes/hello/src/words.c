#include "words.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>

int words(const char* text) {
  int count = 0;
  bool inside = false;
  for (; *text != '\0' && count < INT_MAX; ++text) {
    const bool letter = isspace((unsigned char)*text) == 0;
    count += letter && !inside;
    inside = letter;
  }
  return count;
}
