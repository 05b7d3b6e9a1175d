/* json.h -- strict JSON (RFC 8259): a reader that makes a flat tape over the caller's text, and a writer.
 *
 * Stricter than the RFC asks, because what is read decides about patients: a duplicate key, invalid UTF-8, a lone
 * surrogate, \u0000, a control character and trailing text are errors. Numbers are never converted: their text is kept.
 *
 * The tape. Node 0 is the document's value. A container's children follow it; `next` is the index after a value's whole
 * subtree, so walking over a child costs one step whatever is inside it:
 *
 *     for (uint32_t k = json_first(j, obj); k != json_end(j, obj); k = json_next(j, k))  k: key (object) or element
 *         json_value(k) is the value of key k
 *
 * The tape points into `text`, which must outlive it. Lookups answer 0 for "absent": node 0 is never a child. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT, JSON_KEY };

struct json_node {
    uint32_t off;  /* of the text; for strings and keys behind the quote */
    uint32_t len;  /* of the raw text without quotes; for containers how many children (an object's: pairs) */
    uint32_t next; /* the node after this value's subtree; for a key: after its value's */
    uint16_t hash; /* of a key: json_hash of its unescaped text */
    uint8_t kind;
    uint8_t escaped; /* a string or key whose text has a backslash */
};

struct json {
    const char *text;
    size_t size;
    const struct json_node *node;
    uint32_t count;
};

enum { JSON_DEPTH = 128 };

struct json_fault {
    size_t off;
    uint32_t line, column; /* both from 1; column counts bytes */
    const char *what;      /* a static sentence */
};

/* 0, or -1 with *where. what == NULL there: the arena is exhausted. At most 4 GiB - 1 of text and JSON_DEPTH levels. */
int json_parse(struct arena *a, struct slice text, struct json *ret, struct json_fault *where);

uint16_t json_hash(const char *p, size_t n); /* FNV-1a folded to 16 bits */

static inline uint32_t json_first(const struct json *j, uint32_t i)
{
    return (void)j, i + 1;
}
static inline uint32_t json_end(const struct json *j, uint32_t i)
{
    return j->node[i].next;
}
static inline uint32_t json_next(const struct json *j, uint32_t i)
{
    return j->node[i].next;
}
static inline uint32_t json_value(uint32_t key)
{
    return key + 1;
}
static inline enum json_kind json_kind(const struct json *j, uint32_t i)
{
    return (enum json_kind)j->node[i].kind;
}

/* The raw text: a number's digits, a string between its quotes with its escapes as they stand. */
struct slice json_raw(const struct json *j, uint32_t i);
/* The whole text of a value, quotes and brackets included. */
struct slice json_span(const struct json *j, uint32_t i);
/* The unescaped text of a string or key; {NULL,0} when the arena is exhausted. Without escapes it lies in the text. */
struct slice json_text(const struct json *j, uint32_t i, struct arena *a);
/* Unescapes `n` bytes that json_parse has accepted into `out` (which holds n bytes); returns how many it wrote. */
size_t json_unescape(const char *p, size_t n, char *out);
/* Is it the string (or key) `z`, after unescaping? */
bool json_is(const struct json *j, uint32_t i, const char *z);
/* The value of `key` in object i; 0 if absent or i is no object. */
uint32_t json_get(const struct json *j, uint32_t i, const char *key);
/* The same, but only if it has this kind. */
uint32_t json_get_kind(const struct json *j, uint32_t i, const char *key, enum json_kind kind);
/* The string at `key`, unescaped; {NULL,0} if absent or no string. */
struct slice json_get_text(const struct json *j, uint32_t i, const char *key, struct arena *a);
/* Line and column (from 1) of a byte of the text. Linear in `off`; for messages. */
void json_where(const char *text, size_t size, size_t off, uint32_t *line, uint32_t *column);

/* --- writing --- */
struct json_out {
    struct buf *buf;
    uint32_t depth;
    bool comma; /* a comma is due before the next value or key */
};

static inline struct json_out json_out(struct buf *b)
{
    return (struct json_out){.buf = b};
}
void json_open(struct json_out *o, char bracket);  /* '{' or '[' */
void json_close(struct json_out *o, char bracket); /* '}' or ']' */
void json_key(struct json_out *o, const char *key);
void json_put(struct json_out *o, struct slice text); /* a string, escaped; invalid UTF-8 becomes U+FFFD */
void json_put_str(struct json_out *o, const char *z); /* NULL becomes null */
void json_put_int(struct json_out *o, int64_t v);
void json_put_bool(struct json_out *o, bool v);
void json_put_null(struct json_out *o);
void json_put_raw(struct json_out *o, struct slice json); /* JSON that is known to be valid */
/* key and value in one */
void json_pair(struct json_out *o, const char *key, struct slice text);
void json_pair_str(struct json_out *o, const char *key, const char *z);
void json_pair_int(struct json_out *o, const char *key, int64_t v);
void json_pair_bool(struct json_out *o, const char *key, bool v);
void json_pair_raw(struct json_out *o, const char *key, struct slice json);

#endif
