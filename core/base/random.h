/* random.h: the seam through which all randomness is had. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Fills `length` bytes from the system's generator (or the installed one). Ends the process if there is none. */
void random_bytes(void *bytes, size_t length);
/* 0 to bound - 1, evenly; bound > 0. */
uint64_t random_below(uint64_t bound);
/* For tests and simulation; NULL puts the system's back. */
void random_install(void (*fill)(void *self, void *bytes, size_t length), void *self);

#endif
