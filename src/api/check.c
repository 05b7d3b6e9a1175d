/* check.c -- what answers.def says of a request to the study's records, held before its handler: a list takes the
 * parameters that are named there, and a change that would write over what others wrote says what it was made from. */
#include "api/api_int.h"

/* --- parameters --- */

static const struct {
    const char *handler, *where, *name;
} known[] = {
#define IN(handler, where, name, schema, what) {#handler, where, name},
#include "api/answers.def"
};

/* Those a handler takes, as a sentence has them; "": none. */
static void names_of(const struct api_route *r, struct buf *b)
{
    for (size_t i = 0; i < COUNT(known); i++)
        if (strcmp(known[i].handler, r->handler) == 0 && strcmp(known[i].where, "query") == 0)
            buf_printf(b, "%s%s", b->n ? ", " : "", known[i].name);
}

static bool is_named(const struct api_route *r, struct slice name)
{
    for (size_t i = 0; i < COUNT(known); i++)
        if (strcmp(known[i].handler, r->handler) == 0 && strcmp(known[i].where, "query") == 0 &&
            slice_is(name, known[i].name))
            return true;
    return false;
}

/* What is not known is not repeated: it may be a name that somebody looks for, in the wrong place. */
int api_check_query(struct api_request *q, struct err *e)
{
    struct buf names = buf_in(q->arena, 512);
    struct slice rest = q->http->query, key, value, twice;
    names_of(q->route, &names);
    if (q->route->method != HTTP_GET || strncmp(q->route->path, "/api/v1/", 8) != 0 || !names.n)
        return 0;
    buf_byte(&names, 0);
    if (buf_failed(&names))
        return err_set(e, ERR_NO_MEMORY, "the parameters of a list");
    while (api_query_next(q, &rest, &key, &value)) {
        if (!key.n)
            continue;
        bool fits = is_named(q->route, key);
        if (fits && api_form(q->http->query, arena_printf(q->arena, "%.*s", SLICE_FMT(key)), q->arena, &twice) == 1)
            continue;
        api_issue_field(q, fits ? "value_error" : "extra_forbidden", "query",
                        fits ? "Value error, a parameter is given twice"
                             : arena_printf(q->arena, "There is no such parameter here: this list takes %s", names.p));
        return err_set(e, ERR_BAD_REQUEST, "a parameter that is not known, or given twice");
    }
    return 0;
}

/* --- versions (RFC 6585 3) --- */

static const struct overwrite {
    const char *handler, *otherwise; /* the header that says as much as If-Match; NULL: none does */
} overwrites[] = {
#define OVERWRITES(handler, otherwise) {#handler, otherwise},
#include "api/answers.def"
};

static const struct overwrite *overwrite_of(const struct api_route *r)
{
    for (size_t i = 0; i < COUNT(overwrites); i++)
        if (strcmp(overwrites[i].handler, r->handler) == 0)
            return &overwrites[i];
    return NULL;
}

bool api_overwrites(const struct api_route *r)
{
    return overwrite_of(r) != NULL;
}

/* Pages of this server know versions. Whoever sends an access token may be a client of the prototype, which knows none,
 * unless study.if_match says that there are no such clients here. */
int api_check_version(struct api_request *q, struct err *e)
{
    const struct overwrite *o = overwrite_of(q->route);
    if (!o || !(q->signed_in || q->api->config.if_match) || http_header(q->http, "If-Match").p ||
        (o->otherwise && http_header(q->http, o->otherwise).p))
        return 0;
    return err_set(e, ERR_UNCONDITIONAL, "a change without If-Match");
}
