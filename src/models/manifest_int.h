/* manifest_int.h -- reading a manifest's JSON with errors that begin with a JSON pointer; shared by the readers of
 * models/. */
#ifndef MODELS_MANIFEST_INT_H
#define MODELS_MANIFEST_INT_H

#include "models/manifest.h"

struct reader {
    const struct json *j;
    struct arena *a;
    struct err *e;
};

/* Where we are, as a chain on the stack: printed only when something is wrong. */
struct at {
    const struct at *up;
    struct slice key; /* p == NULL: the index counts */
    uint32_t index;
    const char *whole; /* of the top: the pointer so far */
};

int manifest_bad(struct reader *r, const struct at *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* n zeroed elements (n == 0: one); NULL with ERR_NO_MEMORY set. */
void *manifest_array(struct reader *r, size_t n, size_t size);
/* An object with none but these keys (separated by spaces). */
int manifest_object(struct reader *r, const struct at *at, uint32_t i, const char *known);
/* The string at node i, of 1 to `max` bytes. */
int manifest_string(struct reader *r, const struct at *at, uint32_t i, size_t max, struct slice *ret);
/* A list of at most `max` different strings of at most `each` bytes. */
int manifest_strings(struct reader *r, const struct at *at, uint32_t i, size_t max, size_t each, struct slice **ret,
                     size_t *ret_n);
/* The members of an object: absent leaves *ret as it is, or is an error when `need`. */
int manifest_text(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need, size_t max,
                  struct slice *ret);
int manifest_list(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need, size_t max,
                  size_t each, struct slice **ret, size_t *ret_n);
int manifest_bool(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool *ret);
int manifest_whole(struct reader *r, const struct at *at, uint32_t obj, const char *key, int64_t min, int64_t max,
                   int64_t *ret);
/* A number, or a string that is one: its text as written and its exact value. */
int manifest_number(struct reader *r, const struct at *at, uint32_t i, struct slice *ret, struct dec *ret_dec);
/* The array at `key` with 1..max elements (0 when absent and not needed); the node, or UINT32_MAX after an error. */
uint32_t manifest_elements(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need,
                           uint32_t max);
int manifest_system_code(struct reader *r, const struct at *at, uint32_t i, struct code *ret);
int manifest_anyof(struct reader *r, const struct at *at, uint32_t obj, struct code **ret, size_t *ret_n);

/* "absence" and "course" of what a patient has or has not. */
int manifest_absence(struct reader *r, const struct at *at, uint32_t obj, bool *must_assert, bool *ever);

/* manifest_input.c */
int manifest_read_inputs(struct reader *r, const struct at *top, uint32_t i, struct manifest *m);
/* manifest_result.c */
int manifest_read_results(struct reader *r, const struct at *at, uint32_t out, struct manifest *m);
/* manifest_selftest.c */
int manifest_read_selftests(struct reader *r, const struct at *top, uint32_t i, struct manifest *m);

/* Equal kind and value (numbers exactly); containers are never equal. */
bool json_same_scalar(const struct json *x, uint32_t i, const struct json *y, uint32_t k, struct arena *a);

static inline struct at at_key(const struct at *up, const char *key)
{
    return (struct at){up, slice_of(key), 0, NULL};
}
static inline struct at at_index(const struct at *up, uint32_t i)
{
    return (struct at){up, {NULL, 0}, i, NULL};
}

#endif
