#include "fhir/check_int.h"

#include <stdio.h>

#include "fhir/lookup_int.h"
#include "fhir/match_int.h"
#include "fhir/valueset_int.h"
#include "ucum/ucum.h"

enum { NAMED = 16 }; /* value sets of so many codes are written out in the message */

static struct slice pooled(uint32_t at, uint32_t len)
{
    return (struct slice){fhir_pool + at, len};
}

/* `system` NULL: any, which is right for an element of type code. */
static bool listed(const struct fhir_valueset *v, const struct slice *system, struct slice code)
{
    uint16_t hash = json_hash(code.p, code.n);
    const uint16_t *index = &fhir_code_index[v->index];
    for (unsigned h = hash & v->mask; index[h]; h = (h + 1) & v->mask) {
        const struct fhir_code *k = &fhir_codes[v->codes + index[h] - 1];
        const struct fhir_text *s = &fhir_systems[k->system];
        if (k->hash == hash && slice_eq(pooled(k->text, k->len), code) &&
            (!system || slice_eq(pooled(s->text, s->len), *system)))
            return true;
    }
    return false;
}

const struct fhir_valueset *valueset_named(struct slice url)
{
    struct slice bare = slice_cut(&url, '|');
    for (unsigned i = 1; i <= fhir_valueset_count; i++) {
        const struct fhir_valueset *v = &fhir_valuesets[i];
        if (slice_eq(pooled(v->url, v->len), bare))
            return v->kind == VALUES_OPEN ? NULL : v;
    }
    return NULL;
}

bool valueset_has(const struct fhir_valueset *v, const struct slice *system, struct slice code)
{
    switch (v->kind) {
    case VALUES_LISTED: return listed(v, system, code);
    case VALUES_MIME: return match_mime(code);
    case VALUES_CURRENCY: return match_currency(code);
    case VALUES_UCUM: return (!system || slice_is(*system, "http://unitsofmeasure.org")) && ucum_valid(code);
    default: return true;
    }
}

/* "a | b | c" for a short list, else the value set's address. */
static void write_expected(const struct fhir_valueset *v, char *out, size_t size)
{
    size_t n = 0;
    if (v->kind != VALUES_LISTED || v->count > NAMED) {
        snprintf(out, size, "a code of %.*s", (int)v->len, fhir_pool + v->url);
        return;
    }
    for (unsigned i = 0; i < v->count && n < size; i++) {
        const struct fhir_code *k = &fhir_codes[v->codes + i];
        n += (size_t)snprintf(out + n, size - n, "%s%.*s", i ? " | " : "", (int)k->len, fhir_pool + k->text);
    }
}

void binding_check_code(struct check *c, const struct frame *f, uint16_t binding, uint32_t node, struct slice code)
{
    const struct fhir_valueset *v = &fhir_valuesets[binding];
    char expected[320];
    if (valueset_has(v, NULL, code))
        return;
    write_expected(v, expected, sizeof expected);
    issue_add(c, FHIR_ERROR, "code-invalid", f, check_off(c, node),
              "found a code that is not allowed here, expected %s", expected);
}

/* 1: the Coding's code is in the set; 0: not; -1: it has no code. */
static int coding_fits(struct check *c, const struct fhir_valueset *v, uint32_t coding)
{
    uint32_t system = value_of(c->j, coding, "system", JSON_STRING), code = value_of(c->j, coding, "code", JSON_STRING);
    if (!code)
        return -1;
    struct slice s = system ? json_text(c->j, system, c->arena) : (struct slice){"", 0};
    struct slice text = check_text(c, code);
    if (!s.p || !text.p) {
        c->failed = true;
        return -1;
    }
    return valueset_has(v, &s, text);
}

/* The system is in the definitions from its first code to its last: what is not there does not exist. Of a later
 * version of FHIR nothing is known. */
static const struct fhir_valueset *own_system(struct slice url)
{
    for (unsigned h = json_hash(url.p, url.n) % SYSTEM_SLOTS; fhir_system_index[h]; h = (h + 1) % SYSTEM_SLOTS) {
        const struct fhir_valueset *v = &fhir_valuesets[fhir_system_index[h]];
        if (slice_eq(pooled(v->url, v->len), url))
            return v;
    }
    return NULL;
}

void binding_check_coding(struct check *c, const struct frame *up, uint32_t coding)
{
    struct frame f = {up, "code", 4, -1};
    struct frame g = {up, "system", 6, -1};
    uint32_t system = value_of(c->j, coding, "system", JSON_STRING), code = value_of(c->j, coding, "code", JSON_STRING),
             version;
    if (!system)
        return;
    struct slice url = check_text(c, system);
    if (url.p && (slice_starts(url, SYSTEM_BASE "ValueSet/") || slice_starts(url, TERMINOLOGY_BASE "ValueSet/")))
        issue_add(c, FHIR_ERROR, "code-invalid", &g, check_off(c, system),
                  "found the address of a value set, expected that of a code system");
    const struct fhir_valueset *v = url.p && slice_starts(url, SYSTEM_BASE) ? own_system(url) : NULL;
    if (!v || !code ||
        ((version = value_of(c->j, coding, "version", JSON_STRING)) && !slice_starts(json_raw(c->j, version), "4.0")))
        return;
    struct slice text = check_text(c, code);
    if (text.p && !listed(v, NULL, text))
        issue_add(c, FHIR_ERROR, "code-invalid", &f, check_off(c, code),
                  "found a code that its system does not have, expected one of %.*s", (int)v->len, fhir_pool + v->url);
}

static bool only_extension(struct check *c, uint32_t node)
{
    const struct json *j = c->j;
    for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k))
        if (!json_is(j, k, "extension") && !json_is(j, k, "id"))
            return false;
    return true;
}

/* One coding of the concept must be of the set. An element that only says why it is absent, in an extension, passes. */
void binding_check_concept(struct check *c, const struct frame *f, const struct fhir_prop *p, uint32_t node)
{
    const struct fhir_valueset *v = &fhir_valuesets[p->binding];
    char expected[320];
    bool coded = false;
    if (v->kind == VALUES_OPEN || only_extension(c, node))
        return;
    if (p->shape == fhir_shape_coding) {
        int fits = coding_fits(c, v, node);
        if (fits == 1)
            return;
        coded = fits == 0;
    } else if (p->shape == fhir_shape_concept) {
        uint32_t list = value_of(c->j, node, "coding", JSON_ARRAY);
        for (uint32_t k = list ? json_first(c->j, list) : 0; list && k != json_end(c->j, list);
             k = json_next(c->j, k)) {
            int fits = coding_fits(c, v, k);
            if (fits == 1)
                return;
            coded |= fits == 0;
        }
    } else {
        return;
    }
    write_expected(v, expected, sizeof expected);
    issue_add(c, FHIR_ERROR, "code-invalid", f, check_off(c, node), "found %s, expected %s in its own code system",
              coded ? "no coding that is allowed here" : "no code", expected);
}
