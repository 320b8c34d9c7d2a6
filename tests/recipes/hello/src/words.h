#pragma once
#ifdef __cplusplus
extern "C" {
#endif
/** The number of words in a text. */
int words(const char* text);
#ifdef __cplusplus
}
#endif
