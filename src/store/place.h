/* place.h -- places.def as a function: where a sealed column lies. */
#ifndef STORE_PLACE_H
#define STORE_PLACE_H

#include "crypto/seal.h"

enum place {
#define PLACE(name, table, column) PLACE_##name = (table) << 16 | (column),
#include "store/places.def"
#undef PLACE
};

static inline struct seal_place place_of(enum place p, const uint8_t *scope, const uint8_t *row, uint32_t revision)
{
    return (struct seal_place){scope, row, NULL, (uint16_t)(p >> 16), (uint16_t)(p & 0xffff), revision};
}

#endif
