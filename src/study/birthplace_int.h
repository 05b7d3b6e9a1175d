/* birthplace_int.h -- the generated table as it lies in the program: no pointers, so nothing of it is relocated. */
#ifndef STUDY_BIRTHPLACE_INT_H
#define STUDY_BIRTHPLACE_INT_H

#include <stdint.h>

enum {
    PLACE_EPOCH = -39811, /* 1861-01-01, which days in the table count from */
    PLACE_STILL = 0xFFFF
};

struct place_row {
    uint32_t name; /* where it begins in place_names, NUL-terminated */
    uint16_t code; /* letter (A = 0) * 1000 + digits; rows are in its order */
    uint16_t from, until;
    char area[2]; /* two spaces: none */
};

extern const uint16_t place_count;
extern const struct place_row place_rows[];
extern const uint16_t place_by_name[]; /* rows in the order of letters_order(), then of their codes */
extern const char place_names[];

#endif
