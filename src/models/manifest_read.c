#include "models/manifest_int.h"

#include <stdarg.h>
#include <stdio.h>

static void print_at(const struct at *at, char *out, size_t size)
{
    if (!at || size == 0)
        return;
    if (at->whole) {
        snprintf(out, size, "%s", at->whole);
        return;
    }
    print_at(at->up, out, size);
    size_t n = strlen(out);
    if (at->key.p) /* names are cut: the pointer shares err.detail with the sentence */
        snprintf(out + n, size - n, "/%.*s", at->key.n < 48 ? (int)at->key.n : 48, at->key.p);
    else
        snprintf(out + n, size - n, "/%u", at->index);
}

int manifest_bad(struct reader *r, const struct at *at, const char *fmt, ...)
{
    char where[112] = "", what[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    print_at(at, where, sizeof where);
    return err_set(r->e, ERR_BAD_REQUEST, "%s: %s", *where ? where : "/", what);
}

void *manifest_array(struct reader *r, size_t n, size_t size)
{
    void *p = arena_take(r->a, (n ? n : 1) * size);
    if (!p)
        err_set(r->e, ERR_NO_MEMORY, "reading a manifest");
    return p;
}

static bool word_in(struct slice word, const char *list)
{
    struct slice rest = slice_of(list);
    while (rest.p)
        if (slice_eq(slice_cut(&rest, ' '), word))
            return true;
    return false;
}

int manifest_object(struct reader *r, const struct at *at, uint32_t i, const char *known)
{
    if (json_kind(r->j, i) != JSON_OBJECT)
        return manifest_bad(r, at, "must be an object");
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k)) {
        struct slice key = json_text(r->j, k, r->a);
        struct at here = {at, key, 0, NULL};
        if (!word_in(key, known))
            return manifest_bad(r, &here, "is not a field here; known: %s", known);
    }
    return 0;
}

int manifest_string(struct reader *r, const struct at *at, uint32_t i, size_t max, struct slice *ret)
{
    if (json_kind(r->j, i) != JSON_STRING)
        return manifest_bad(r, at, "must be a string");
    struct slice s = json_text(r->j, i, r->a);
    if (s.n == 0 || s.n > max)
        return manifest_bad(r, at, "must have 1 to %zu bytes", max);
    for (size_t n = 0; n < s.n; n++)
        if ((unsigned char)s.p[n] < 0x20)
            return manifest_bad(r, at, "must not hold control characters");
    *ret = s;
    return 0;
}

int manifest_strings(struct reader *r, const struct at *at, uint32_t i, size_t max, size_t each, struct slice **ret,
                     size_t *ret_n)
{
    if (json_kind(r->j, i) != JSON_ARRAY)
        return manifest_bad(r, at, "must be a list of strings");
    if (r->j->node[i].len > max)
        return manifest_bad(r, at, "has more than %zu entries", max);
    struct slice *list = manifest_array(r, r->j->node[i].len, sizeof *list);
    size_t n = 0;
    if (!list)
        return -1;
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k)) {
        struct at here = at_index(at, (uint32_t)n);
        if (manifest_string(r, &here, k, each, &list[n]))
            return -1;
        for (size_t b = 0; b < n; b++)
            if (slice_eq(list[b], list[n]))
                return manifest_bad(r, &here, "stands in the list twice");
        n++;
    }
    *ret = list;
    *ret_n = n;
    return 0;
}

/* The value at key: 1 there, 0 absent and not needed, -1. */
static int member(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need, uint32_t *ret)
{
    *ret = json_get(r->j, obj, key);
    return *ret ? 1 : need ? manifest_bad(r, at, "is missing the field '%s'", key) : 0;
}

int manifest_text(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need, size_t max,
                  struct slice *ret)
{
    uint32_t v;
    struct at here = at_key(at, key);
    int there = member(r, at, obj, key, need, &v);
    return there == 1 ? manifest_string(r, &here, v, max, ret) : there;
}

int manifest_list(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need, size_t max,
                  size_t each, struct slice **ret, size_t *ret_n)
{
    uint32_t v;
    struct at here = at_key(at, key);
    int there = member(r, at, obj, key, need, &v);
    if (there != 1)
        return there;
    if (need && json_kind(r->j, v) == JSON_ARRAY && r->j->node[v].len == 0)
        return manifest_bad(r, &here, "must not be empty");
    return manifest_strings(r, &here, v, max, each, ret, ret_n);
}

int manifest_bool(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool *ret)
{
    uint32_t v = json_get(r->j, obj, key);
    struct at here = at_key(at, key);
    if (!v)
        return 0;
    if (json_kind(r->j, v) != JSON_TRUE && json_kind(r->j, v) != JSON_FALSE)
        return manifest_bad(r, &here, "must be true or false");
    *ret = json_kind(r->j, v) == JSON_TRUE;
    return 0;
}

int manifest_whole(struct reader *r, const struct at *at, uint32_t obj, const char *key, int64_t min, int64_t max,
                   int64_t *ret)
{
    uint32_t v = json_get(r->j, obj, key);
    struct at here = at_key(at, key);
    if (!v)
        return 0;
    if (json_kind(r->j, v) != JSON_NUMBER || !slice_int(json_raw(r->j, v), min, max, ret))
        return manifest_bad(r, &here, "must be a whole number of %lld to %lld", (long long)min, (long long)max);
    return 0;
}

/* Number text as JSON has it: it is repeated in answers, so "1." and "007" would not do. */
static size_t digits(struct slice s, size_t at)
{
    size_t n = 0;
    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
        n++;
    return n;
}

static bool is_number_text(struct slice s)
{
    size_t i = s.n && s.p[0] == '-', n = digits(s, i);
    if (n == 0 || (n > 1 && s.p[i] == '0'))
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        if ((n = digits(s, ++i)) == 0)
            return false;
        i += n;
    }
    if (i < s.n && (s.p[i] | 32) == 'e') {
        i += 1 + (i + 1 < s.n && (s.p[i + 1] == '+' || s.p[i + 1] == '-'));
        if ((n = digits(s, i)) == 0)
            return false;
        i += n;
    }
    return i == s.n && s.n <= 80;
}

int manifest_number(struct reader *r, const struct at *at, uint32_t i, struct slice *ret, struct dec *ret_dec)
{
    enum json_kind kind = json_kind(r->j, i);
    struct slice s = kind == JSON_NUMBER || kind == JSON_STRING ? json_text(r->j, i, r->a) : (struct slice){NULL, 0};
    if (!is_number_text(s) || !dec_parse(s, ret_dec))
        return manifest_bad(r, at, "must be a decimal number (or a string that is one) of at most 64 digits");
    *ret = s;
    return 0;
}

uint32_t manifest_elements(struct reader *r, const struct at *at, uint32_t obj, const char *key, bool need,
                           uint32_t max)
{
    uint32_t v;
    struct at here = at_key(at, key);
    int there = member(r, at, obj, key, need, &v);
    if (there < 0)
        return UINT32_MAX;
    if (there == 0)
        return 0;
    if (json_kind(r->j, v) != JSON_ARRAY || r->j->node[v].len > max || r->j->node[v].len < 1) {
        manifest_bad(r, &here, "must be a list of 1 to %u entries", max);
        return UINT32_MAX;
    }
    return v;
}

int manifest_system_code(struct reader *r, const struct at *at, uint32_t i, struct code *ret)
{
    if (manifest_text(r, at, i, "system", true, 256, &ret->system) ||
        manifest_text(r, at, i, "code", true, 128, &ret->code) ||
        manifest_text(r, at, i, "display", false, 256, &ret->display))
        return -1;
    ret->hash = json_hash(ret->code.p, ret->code.n);
    return 0;
}

int manifest_anyof(struct reader *r, const struct at *at, uint32_t obj, struct code **ret, size_t *ret_n)
{
    uint32_t list = manifest_elements(r, at, obj, "anyOf", true, MANIFEST_CODES), n = 0;
    if (list == UINT32_MAX)
        return -1;
    struct at above = at_key(at, "anyOf");
    struct code *code = manifest_array(r, r->j->node[list].len, sizeof *code);
    if (!code)
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), n++) {
        struct at here = at_index(&above, n);
        if (manifest_object(r, &here, k, "system code display below part") ||
            manifest_system_code(r, &here, k, &code[n]) || manifest_bool(r, &here, k, "below", &code[n].below) ||
            manifest_bool(r, &here, k, "part", &code[n].part))
            return -1;
        if (code[n].below && !slice_starts(code[n].system, CODE_TREE))
            return manifest_bad(r, &here, "'below' is known of ICD codes only: of systems %s...", CODE_TREE);
    }
    *ret = code;
    *ret_n = n;
    return 0;
}

int manifest_absence(struct reader *r, const struct at *at, uint32_t obj, bool *must_assert, bool *ever)
{
    struct slice absence = SLICE("assume-absent"), course = SLICE("active");
    struct at here = at_key(at, "absence"), there = at_key(at, "course");
    if (manifest_text(r, at, obj, "absence", false, 32, &absence) ||
        manifest_text(r, at, obj, "course", false, 16, &course))
        return -1;
    *must_assert = slice_is(absence, "must-assert");
    *ever = slice_is(course, "ever");
    if (!*must_assert && !slice_is(absence, "assume-absent"))
        return manifest_bad(r, &here, "can be \"assume-absent\" or \"must-assert\"");
    return *ever || slice_is(course, "active") ? 0 : manifest_bad(r, &there, "can be \"active\" or \"ever\"");
}
