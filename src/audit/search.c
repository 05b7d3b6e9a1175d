#include "audit/search.h"

#include <cbor.h>

#include "audit/tree.h"
#include "base/own.h"
#include "crypto/digest.h"

enum { SCOPE = 16, CHUNK = 500, CHUNK_MEMORY = 4 << 20 };

/* --- one entry --- */

static bool take_text(const cbor_item_t *v, struct arena *a, const char **ret)
{
    if (!cbor_isa_string(v) || !cbor_string_is_definite(v))
        return false;
    struct slice s = {(const char *)cbor_string_handle(v), cbor_string_length(v)};
    *ret = s.n && memchr(s.p, 0, s.n) ? NULL : s.n ? arena_str(a, s) : "";
    return *ret != NULL;
}

static bool take_number(const cbor_item_t *v, int64_t *ret)
{
    if (!cbor_isa_uint(v) || cbor_get_int(v) > INT64_MAX)
        return false;
    *ret = (int64_t)cbor_get_int(v);
    return true;
}

static bool take_scope(const cbor_item_t *v, struct arena *a, const uint8_t **ret)
{
    if (!cbor_isa_bytestring(v) || cbor_bytestring_length(v) != SCOPE)
        return false;
    struct slice copy = arena_copy(a, (struct slice){(const char *)cbor_bytestring_handle(v), SCOPE});
    *ret = (const uint8_t *)copy.p;
    return *ret != NULL;
}

static bool take_map(const cbor_item_t *map, const char *within, struct arena *a, struct audit_found *ret);

static bool take_pair(struct slice key, const cbor_item_t *v, const char *within, struct arena *a,
                      struct audit_found *ret)
{
    struct audit_entry *x = &ret->entry;
    const struct {
        const char *within, *key, **to;
    } text[] = {{"", "act", &x->action},      {"", "out", &x->outcome},    {"", "req", &x->request},
                {"", "why", &x->why},         {"", "route", &x->route},    {"", "trace", &x->trace},
                {"obj", "id", &x->object_id}, {"obj", "type", &x->object}, {"actor", "id", &x->actor},
                {"actor", "role", &x->role},  {"", "bg", &x->glass}};
    int64_t version;
    for (size_t i = 0; i < COUNT(text); i++)
        if (strcmp(within, text[i].within) == 0 && slice_is(key, text[i].key))
            return take_text(v, a, text[i].to);
    if (*within)
        return false;
    return slice_is(key, "n")       ? take_number(v, &x->rows)
           : slice_is(key, "t")     ? take_number(v, &ret->at)
           : slice_is(key, "v")     ? take_number(v, &version) && version == 1
           : slice_is(key, "scope") ? take_scope(v, a, &x->scope)
           : slice_is(key, "obj")   ? take_map(v, "obj", a, ret)
           : slice_is(key, "actor") ? take_map(v, "actor", a, ret)
                                    : false;
}

static bool take_map(const cbor_item_t *map, const char *within, struct arena *a, struct audit_found *ret)
{
    if (!cbor_isa_map(map) || !cbor_map_is_definite(map))
        return false;
    const struct cbor_pair *pair = cbor_map_handle(map);
    for (size_t i = 0; i < cbor_map_size(map); i++) {
        const cbor_item_t *k = pair[i].key;
        if (!cbor_isa_string(k) || !cbor_string_is_definite(k) ||
            !take_pair((struct slice){(const char *)cbor_string_handle(k), cbor_string_length(k)}, pair[i].value,
                       within, a, ret))
            return false;
    }
    return true;
}

/* In the arena: what the texts point to, and `raw`. */
int audit_decode(struct slice raw, int64_t index, int64_t at, struct arena *a, struct audit_found *ret, struct err *e)
{
    struct cbor_load_result res;
    struct audit_found x = {.index = index, .at = at, .raw = arena_copy(a, raw)};
    cbor_item_t *item = cbor_load((const unsigned char *)raw.p, raw.n, &res);
    x.readable =
        item && res.read == raw.n && take_map(item, "", a, &x) && x.entry.action && x.entry.outcome && x.entry.scope;
    if (item)
        cbor_decref(&item);
    if (!x.raw.p || arena_failed(a) || (!item && res.error.code == CBOR_ERR_MEMERROR))
        return err_set(e, ERR_NO_MEMORY, "read the audit log");
    if (!x.readable) {
        x.entry = (struct audit_entry){.scope = NULL};
        x.at = at;
    }
    *ret = x;
    return 0;
}

int audit_at(struct db *db, int64_t index, struct arena *a, struct audit_found *ret, struct err *e)
{
    struct rows r;
    if (audit_index(db, e) ||
        db_rows(db, a, &r, e, "SELECT idx, at, entry FROM audit WHERE idx = $1", V_INT(index)) < 0)
        return -1;
    if (r.n == 0)
        return 0;
    const struct val *v = row_at(&r, 0, 0);
    return audit_decode(v[2].s, v[0].i, v[1].i, a, ret, e) ? -1 : 1;
}

/* --- many --- */

static bool fits(struct slice want, const char *has)
{
    return !want.p || (has && slice_is(want, has));
}

bool audit_matches(const struct audit_filter *f, const struct audit_found *x)
{
    const struct audit_entry *n = &x->entry;
    bool program = n->role && strcmp(n->role, "client") == 0;
    return fits(f->actor, n->actor) && fits(f->role, n->role) && fits(f->action, n->action) &&
           fits(f->object, n->object) && fits(f->object_id, n->object_id) && fits(f->outcome, n->outcome) &&
           (!f->scope || (n->scope && memcmp(f->scope, n->scope, SCOPE) == 0)) &&
           (f->who == AUDIT_ANYBODY || program == (f->who == AUDIT_PROGRAMS));
}

struct searching {
    struct db *db;
    const struct audit_filter *f;
    struct arena *arena; /* of what is found */
    int64_t seen, span;
};

/* 1: the page is full, or the span at its end; 0: go on. `a` is for what does not match. */
static int look_at(struct searching *x, const struct val *v, struct arena *a, struct audit_page *p, struct err *e)
{
    struct audit_found found;
    if (p->n == x->f->most || x->seen == x->span) {
        p->more = true;
        return 1;
    }
    x->seen++;
    p->at = v[1].i;
    p->index = v[0].i;
    if (audit_decode(v[2].s, v[0].i, v[1].i, a, &found, e))
        return -1;
    return audit_matches(x->f, &found) ? audit_decode(v[2].s, v[0].i, v[1].i, x->arena, &p->x[p->n++], e) : 0;
}

/* The next CHUNK entries. 1: that was all there is to do. */
static int look_on(struct searching *x, struct audit_page *p, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(CHUNK_MEMORY);
    struct rows r;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "search the audit log");
    if (db_rows(x->db, a, &r, e,
                "SELECT idx, at, entry FROM audit WHERE (at, idx) < ($1, $2) AND at >= $3 ORDER BY at DESC, idx DESC "
                "LIMIT $4",
                V_INT(p->at), V_INT(p->index), V_INT(x->f->since), V_INT(CHUNK)) < 0)
        return -1;
    for (int i = 0; i < r.n; i++) {
        int rc = look_at(x, row_at(&r, i, 0), a, p, e);
        if (rc)
            return rc;
    }
    return r.n < CHUNK;
}

int audit_search(struct db *db, const struct audit_filter *f, struct arena *a, struct audit_page *ret, struct err *e)
{
    struct searching x = {.db = db, .f = f, .arena = a, .span = f->span ? f->span : SEARCH_SPAN};
    struct audit_page p = {.x = arena_take(a, (size_t)f->most * sizeof *p.x), .at = INT64_MAX, .index = INT64_MAX};
    int rc = 0;
    if (!p.x)
        return err_set(e, ERR_NO_MEMORY, "search the audit log");
    if (f->before_at || f->before_index) {
        p.at = f->before_at;
        p.index = f->before_index;
    }
    if (f->until && f->until <= p.at) { /* before: no index is below -1 */
        p.at = f->until;
        p.index = -1;
    }
    if (audit_index(db, e))
        return -1;
    while (!rc)
        rc = look_on(&x, &p, e);
    if (rc < 0)
        return -1;
    *ret = p;
    return 0;
}

/* --- as JSON --- */

static void put_text(struct json_out *o, const char *key, const char *z)
{
    if (z)
        json_pair_str(o, key, z);
}

static void put_two(struct json_out *o, const char *key, const char *a, const char *av, const char *b, const char *bv)
{
    if (!av && !bv)
        return;
    json_key(o, key);
    json_open(o, '{');
    put_text(o, a, av);
    put_text(o, b, bv);
    json_close(o, '}');
}

static void put_proof(struct json_out *o, struct slice raw, bool whole)
{
    struct tree_hash leaf;
    char hex[SHA256_TEXT], text[4 * ((AUDIT_ENTRY + 2) / 3) + 1];
    tree_leaf(raw, &leaf);
    hex_encode(leaf.byte, sizeof leaf.byte, hex);
    json_pair_str(o, "leaf", hex);
    if (whole && raw.n <= AUDIT_ENTRY)
        json_pair(o, "entry", (struct slice){text, base64_encode(raw.p, raw.n, text)});
}

void audit_put(struct json_out *o, const struct audit_found *x, bool proof)
{
    const struct audit_entry *n = &x->entry;
    char hex[2 * SCOPE + 1];
    json_open(o, '{');
    json_pair_int(o, "idx", x->index);
    if (x->readable) {
        json_pair_int(o, "n", n->rows);
        json_pair_int(o, "t", x->at);
        json_pair_int(o, "v", 1);
        put_text(o, "bg", n->glass);
        json_pair_str(o, "act", n->action);
        put_two(o, "obj", "id", n->object_id, "type", n->object);
        json_pair_str(o, "out", n->outcome);
        put_text(o, "req", n->request);
        put_text(o, "why", n->why);
        put_two(o, "actor", "id", n->actor, "role", n->role);
        put_text(o, "route", n->route);
        hex_encode(n->scope, SCOPE, hex);
        json_pair_str(o, "scope", hex);
        put_text(o, "trace", n->trace);
    }
    if (proof)
        put_proof(o, x->raw, !x->cut);
    json_close(o, '}');
}

int audit_list(struct db *db, int64_t from, int most, struct arena *a, struct json_out *o, struct err *e)
{
    struct rows r;
    struct audit_found x;
    if (audit_index(db, e) ||
        db_rows(db, a, &r, e, "SELECT idx, at, entry FROM audit WHERE idx >= $1 ORDER BY idx LIMIT $2", V_INT(from),
                V_INT(most)) < 0)
        return -1;
    json_open(o, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        if (audit_decode(v[2].s, v[0].i, v[1].i, a, &x, e))
            return -1;
        audit_put(o, &x, false);
    }
    json_close(o, ']');
    return 0;
}
