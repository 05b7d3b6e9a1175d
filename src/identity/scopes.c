#include "identity/scopes.h"

#include "base/own.h"

/* A row has five bits, in the order of these letters. */
static const char letters[] = "cruds";
enum { LETTERS = sizeof letters - 1 };

static const struct {
    const char *resource, *has;
    enum entity entity;
} rows[] = {
#define SCOPE(resource, has, entity, words) {#resource, has, ENTITY_##entity},
#define ALWAYS(entity)
#include "identity/scopes.def"
#undef SCOPE
#undef ALWAYS
};
_Static_assert(COUNT(rows) * LETTERS <= 32, "scopes are bits of 32");

static const char *const all[] = {
#define SCOPE(resource, has, entity, words) "system/" #resource "." has,
#define ALWAYS(entity)
#include "identity/scopes.def"
#undef SCOPE
#undef ALWAYS
    "system/*.cruds", NULL};

static bool always(enum entity entity)
{
    static const enum entity open[] = {
#define SCOPE(resource, has, entity, words)
#define ALWAYS(entity) ENTITY_##entity,
#include "identity/scopes.def"
#undef SCOPE
#undef ALWAYS
    };
    for (size_t i = 0; i < COUNT(open); i++)
        if (open[i] == entity)
            return true;
    return false;
}

const char *const *scopes_all(void)
{
    return all;
}

static uint32_t bit(size_t row, int letter)
{
    return UINT32_C(1) << (row * LETTERS + (size_t)letter);
}

/* "cd", in order and each once, as bits of one row; 0: not that. */
static uint32_t letters_in(struct slice s)
{
    uint32_t found = 0;
    int last = -1;
    for (size_t i = 0; i < s.n; i++) {
        const char *at = memchr(letters, s.p[i], LETTERS);
        if (!at || (int)(at - letters) <= last)
            return 0;
        last = (int)(at - letters);
        found |= bit(0, last);
    }
    return found;
}

static uint32_t parse_one(struct slice one)
{
    uint32_t found = 0;
    if (!slice_starts(one, "system/"))
        return 0;
    one.p += 7;
    one.n -= 7;
    struct slice resource = slice_cut(&one, '.');
    uint32_t asked = one.p ? letters_in(one) : 0;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (slice_is(resource, "*") || slice_is(resource, rows[i].resource))
            found |= (asked & letters_in(slice_of(rows[i].has))) << (i * LETTERS);
    return found;
}

int scopes_parse(struct slice text, uint32_t *ret, struct err *e)
{
    uint32_t found = 0;
    if (text.n > SCOPES_TEXT_MAX)
        return err_set(e, ERR_SCOPE_UNKNOWN, "scope is longer than %d bytes", SCOPES_TEXT_MAX);
    while (text.p)
        found |= parse_one(slice_cut(&text, ' '));
    if (!found)
        return err_set(e, ERR_SCOPE_UNKNOWN,
                       "scope asks for nothing that is granted here: /.well-known/smart-configuration lists what is");
    *ret = found;
    return 0;
}

void scopes_tell(uint32_t scopes, struct buf *out)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!(scopes >> (i * LETTERS) & ((1u << LETTERS) - 1)))
            continue;
        buf_printf(out, "%ssystem/%s.", out->n ? " " : "", rows[i].resource);
        for (int k = 0; k < LETTERS; k++)
            if (scopes & bit(i, k))
                buf_byte(out, letters[k]);
    }
}

static int letter_of(enum action action, bool one)
{
    switch (action) {
    case ACTION_CREATE: return 0;
    case ACTION_READ: return one ? 1 : 4;
    case ACTION_UPDATE: return 2;
    case ACTION_DELETE: return 3;
    case ACTION_COUNT: break;
    }
    return -1;
}

/* The bits that would do. */
static uint32_t wanted(enum entity entity, enum action action, bool one)
{
    uint32_t found = 0;
    int letter = letter_of(action, one);
    for (size_t i = 0; letter >= 0 && i < COUNT(rows); i++)
        if (rows[i].entity == entity && strchr(rows[i].has, letters[letter]))
            found |= bit(i, letter);
    return found;
}

bool scopes_cover(uint32_t scopes, enum entity entity, enum action action, bool one)
{
    return (always(entity) && action == ACTION_READ) || (scopes & wanted(entity, action, one)) != 0;
}

void scopes_needed(enum entity entity, enum action action, bool one, struct buf *out)
{
    uint32_t found = wanted(entity, action, one);
    scopes_tell(found & (~found + 1), out); /* one is enough */
}
