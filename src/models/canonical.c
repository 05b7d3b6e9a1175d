#include "models/pack.h"

#include <stdlib.h>

struct pair {
    struct slice key;
    uint32_t value; /* 0: the list of files */
};

struct canon {
    const struct json *j;
    struct arena *a;
    const struct pack_file *file;
    size_t files;
    struct json_out o;
};

static int by_key(const void *x, const void *y)
{
    const struct pair *p = x, *q = y;
    size_t n = p->key.n < q->key.n ? p->key.n : q->key.n;
    int c = n ? memcmp(p->key.p, q->key.p, n) : 0;
    return c ? c : p->key.n < q->key.n ? -1 : p->key.n > q->key.n;
}

static void put_key(struct json_out *o, struct slice key)
{
    json_put(o, key);
    buf_byte(o->buf, ':');
    o->comma = false;
}

static void put_files(struct canon *c)
{
    json_open(&c->o, '{');
    for (size_t i = 0; i < c->files; i++) {
        put_key(&c->o, slice_of(c->file[i].path));
        json_open(&c->o, '{');
        json_pair_str(&c->o, "mode", c->file[i].exec ? "0555" : "0444");
        json_pair_str(&c->o, "sha256", c->file[i].sha256);
        json_pair_int(&c->o, "size", (int64_t)c->file[i].size);
        json_close(&c->o, '}');
    }
    json_close(&c->o, '}');
}

static int put_value(struct canon *c, uint32_t i);

static int put_object(struct canon *c, uint32_t i, bool top)
{
    struct pair *pair = arena_take(c->a, (c->j->node[i].len + 1) * sizeof *pair);
    size_t n = 0;
    if (!pair)
        return -1;
    for (uint32_t k = json_first(c->j, i); k != json_end(c->j, i); k = json_next(c->j, k))
        if (!top || (!json_is(c->j, k, "signature") && !json_is(c->j, k, "files")))
            pair[n++] = (struct pair){json_text(c->j, k, c->a), json_value(k)};
    if (top)
        pair[n++] = (struct pair){SLICE("files"), 0};
    qsort(pair, n, sizeof *pair, by_key);
    json_open(&c->o, '{');
    for (size_t k = 0; k < n; k++) {
        put_key(&c->o, pair[k].key);
        if (!pair[k].value)
            put_files(c);
        else if (put_value(c, pair[k].value))
            return -1;
    }
    json_close(&c->o, '}');
    return 0;
}

static int put_value(struct canon *c, uint32_t i)
{
    switch (json_kind(c->j, i)) {
    case JSON_OBJECT: return put_object(c, i, false);
    case JSON_ARRAY:
        json_open(&c->o, '[');
        for (uint32_t k = json_first(c->j, i); k != json_end(c->j, i); k = json_next(c->j, k))
            if (put_value(c, k))
                return -1;
        json_close(&c->o, ']');
        return 0;
    case JSON_STRING: json_put(&c->o, json_text(c->j, i, c->a)); return 0;
    default: json_put_raw(&c->o, json_raw(c->j, i)); return 0;
    }
}

int pack_canonical(struct arena *a, const struct json *j, const struct pack_file *file, size_t files, struct slice *ret,
                   struct err *e)
{
    struct buf b = buf_in(a, 8 * MANIFEST_BYTES);
    struct canon c = {j, a, file, files, json_out(&b)};
    if (json_kind(j, 0) != JSON_OBJECT)
        return err_set(e, ERR_BAD_REQUEST, "/: must be an object");
    unsigned before = arena_failed(a);
    if (put_object(&c, 0, true) || buf_failed(&b) || arena_failed(a) != before)
        return err_set(e, ERR_NO_MEMORY, "writing a canonical manifest");
    *ret = buf_text(&b);
    return 0;
}
