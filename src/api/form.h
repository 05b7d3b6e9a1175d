/* form.h -- application/x-www-form-urlencoded, of a query or a body. Pure. */
#ifndef API_FORM_H
#define API_FORM_H

#include "base/arena.h"
#include "base/buf.h"

/* The pairs one by one, unescaped into the arena: `*rest` is the text at first. False: there are no more. */
bool form_next(struct slice *rest, struct arena *a, struct slice *key, struct slice *value);
/* A copy with %41 and + undone; what is no escape stays as it is. {NULL,0}: memory is out. */
struct slice form_unescape(struct slice s, struct arena *a);
/* The text, escaped to stand in a query. */
void form_escape(struct slice s, struct buf *out);

#endif
