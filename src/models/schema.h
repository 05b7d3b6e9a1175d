/* schema.h -- the subset of JSON Schema in which a manifest says what its model may answer.
 *
 * Keywords: type, required, properties, additionalProperties (true or false), enum (scalars), minimum, maximum, items,
 * maxLength. Any other keyword is an error when the schema is read, so that nobody believes in a rule that is not kept.
 * Numbers are compared as exact decimals. Pure; everything lives in the caller's arena and points into the manifest's
 * text. */
#ifndef MODELS_SCHEMA_H
#define MODELS_SCHEMA_H

#include "base/arena.h"
#include "base/dec.h"
#include "base/err.h"
#include "base/json.h"

enum { SCHEMA_DEPTH = 16, SCHEMA_ITEMS = 256 };

struct schema;

/* Reads the schema at node i. -1: ERR_BAD_REQUEST, the detail begins with a JSON pointer below `pointer`. */
int schema_parse(struct arena *a, const struct json *j, uint32_t i, const char *pointer, struct schema **ret,
                 struct err *e);

/* 1: the value at node i is allowed; 0: it is not, and *why (in the arena) says where and what, never the value;
 * -1: out of memory. */
int schema_check(const struct schema *s, const struct json *j, uint32_t i, struct arena *a, const char **why);

/* The schema of a property of an object schema, or NULL. */
const struct schema *schema_property(const struct schema *s, struct slice name);

#endif
