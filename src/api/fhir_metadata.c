/* fhir_metadata.c -- GET /fhir/R4/metadata: what this server answers in FHIR, to whoever asks.
 *
 * Which resources and interactions there are is read off the router's own table (routes.def), and what they are
 * searched by off the table that queries are read by (fhir_search.def): what neither has is not promised.
 *
 *     GET  /fhir/R4/Type                search-type        GET  /fhir/R4/Type/:id/_history/:version    vread
 *     GET  /fhir/R4/Type/:id            read               POST /fhir/R4/$name, /fhir/R4/Type/$name    an operation
 *     GET  /fhir/R4/Type/:id/$name      an operation that changes nothing */
#include "api/fhir_int.h"

#define BASE "/fhir/R4/"
/* When what is stated last changed. */
#define STATED "2026-11-30"
enum { TYPES_MAX = 32, TYPE_TEXT = 40 };

/* The rest of a route's path behind BASE; {NULL,0}: it is none of FHIR's. */
static struct slice below(const struct api_route *r)
{
    size_t n = sizeof BASE - 1;
    return strncmp(r->path, BASE, n) == 0 && r->path[n] >= 'A' && r->path[n] <= 'Z' ? slice_of(r->path + n)
                                                                                    : (struct slice){NULL, 0};
}

/* NULL: it is no interaction, but an operation or a way to send one. */
static const char *interaction_of(const struct api_route *r)
{
    struct slice rest = below(r);
    slice_cut(&rest, '/');
    if (r->method == HTTP_POST)
        return rest.p ? NULL : "create";
    if (r->method == HTTP_PUT)
        return "update";
    if (r->method == HTTP_DELETE)
        return "delete";
    if (!rest.p)
        return "search-type";
    if (rest.p[0] != ':')
        return NULL;
    slice_cut(&rest, '/');
    if (slice_starts(rest, "$"))
        return NULL;
    return !rest.p ? "read" : slice_starts(rest, "_history/:") ? "vread" : "history-instance";
}

static void put_interactions(struct json_out *o, struct slice type)
{
    json_key(o, "interaction");
    json_open(o, '[');
    for (const struct api_route *r = api_routes(); r->path; r++) {
        struct slice rest = below(r);
        const char *code = rest.p && slice_eq(slice_cut(&rest, '/'), type) ? interaction_of(r) : NULL;
        if (!code)
            continue;
        json_open(o, '{');
        json_pair_str(o, "code", code);
        json_pair_str(o, "documentation", r->summary);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_params(struct json_out *o, enum face t)
{
    bool any = false;
    for (int p = 0; p < SEARCH_PARAMS; p++) {
        const struct search_param_row *row = search_param_row((enum search_param)p);
        if (row->type != t)
            continue;
        if (!any) {
            json_key(o, "searchParam");
            json_open(o, '[');
        }
        any = true;
        json_open(o, '{');
        json_pair_str(o, "name", row->name);
        json_pair_str(o, "type", search_kind_name(row->kind));
        json_pair_str(o, "documentation", row->what);
        json_close(o, '}');
    }
    if (any)
        json_close(o, ']');
}

static bool has_operations(struct slice type)
{
    for (const struct api_route *r = api_routes(); r->path; r++) {
        const char *at = strchr(r->path, '$');
        struct slice rest = below(r);
        if (at && strncmp(r->path, BASE, sizeof BASE - 1) == 0 &&
            (type.p ? rest.p && slice_eq(slice_cut(&rest, '/'), type) : !rest.p))
            return true;
    }
    return false;
}

/* Of a type, or ({NULL,0}) of the whole server. */
static void put_operations(struct json_out *o, struct slice type, struct arena *a)
{
    if (!has_operations(type))
        return;
    json_key(o, "operation");
    json_open(o, '[');
    for (const struct api_route *r = api_routes(); r->path; r++) {
        const char *at = strchr(r->path, '$');
        struct slice rest = below(r);
        if (!at || strchr(at, '/') || (r->method != HTTP_POST && !rest.p) ||
            strncmp(r->path, BASE, sizeof BASE - 1) != 0 ||
            !(type.p ? rest.p && slice_eq(slice_cut(&rest, '/'), type) : !rest.p))
            continue;
        json_open(o, '{');
        json_pair_str(o, "name", at + 1);
        json_pair_str(o, "definition", arena_printf(a, FACE_OURS "OperationDefinition:%s", at + 1));
        json_pair_str(o, "documentation", r->summary);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_type(struct json_out *o, struct slice type, struct arena *a)
{
    bool known = false; /* a record, with an ETag; the others are made anew whenever they are asked for */
    json_open(o, '{');
    json_pair(o, "type", type);
    for (int t = 0; t < FACES; t++)
        if (slice_is(type, face_name((enum face)t))) {
            json_pair_str(o, "documentation", face_what((enum face)t));
            known = true;
        }
    put_interactions(o, type);
    json_pair_str(o, "versioning", known ? "versioned" : "no-version");
    json_pair_bool(o, "readHistory", false);
    for (int t = 0; t < FACES; t++)
        if (slice_is(type, face_name((enum face)t)))
            put_params(o, (enum face)t);
    put_operations(o, type, a);
    json_close(o, '}');
}

/* Each type once, as its first route comes. */
static void put_types(struct json_out *o, struct arena *a)
{
    struct slice seen[TYPES_MAX];
    int n = 0;
    json_key(o, "resource");
    json_open(o, '[');
    for (const struct api_route *r = api_routes(); r->path; r++) {
        struct slice rest = below(r), type = rest.p ? slice_cut(&rest, '/') : rest;
        bool new = type.p &&n < TYPES_MAX;
        for (int i = 0; new &&i < n; i++)
            new = !slice_eq(seen[i], type);
        if (!new)
            continue;
        seen[n++] = type;
        put_type(o, type, a);
    }
    json_close(o, ']');
}

static void put_security(struct json_out *o)
{
    json_key(o, "security");
    json_open(o, '{');
    json_key(o, "service");
    json_open(o, '[');
    json_open(o, '{');
    json_key(o, "coding");
    json_open(o, '[');
    json_open(o, '{');
    json_pair_str(o, "system", FACE_HL7 "restful-security-service");
    json_pair_str(o, "code", "SMART-on-FHIR");
    json_close(o, '}');
    json_close(o, ']');
    json_close(o, '}');
    json_close(o, ']');
    json_pair_str(o, "description",
                  "Each answer is cut to the view of the caller's role, and written into the audit log before it is "
                  "told. Ids are the role's own. See /.well-known/smart-configuration and the operator's guide.");
    json_close(o, '}');
}

int api_fhir_metadata(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 256 * 1024);
    struct json_out o = json_out(&b);
    const char *url = face_url(q);
    json_open(&o, '{');
    json_pair_str(&o, "resourceType", "CapabilityStatement");
    json_pair_str(&o, "status", "active");
    json_pair_str(&o, "date", STATED);
    json_pair_str(&o, "kind", "instance");
    json_key(&o, "software");
    json_open(&o, '{');
    json_pair_str(&o, "name", "Lazaret");
    json_close(&o, '}');
    json_key(&o, "implementation");
    json_open(&o, '{');
    json_pair_str(&o, "description", "A diagnostic gateway and study platform");
    if (*url)
        json_pair_str(&o, "url", arena_printf(q->arena, "%s/fhir/R4", url));
    json_close(&o, '}');
    json_pair_str(&o, "fhirVersion", "4.0.1");
    json_key(&o, "format");
    json_open(&o, '[');
    json_put_str(&o, "application/fhir+json");
    json_close(&o, ']');
    json_key(&o, "rest");
    json_open(&o, '[');
    json_open(&o, '{');
    json_pair_str(&o, "mode", "server");
    put_security(&o);
    put_types(&o, q->arena);
    put_operations(&o, (struct slice){NULL, 0}, q->arena);
    json_close(&o, '}');
    json_close(&o, ']');
    json_close(&o, '}');
    if (buf_failed(&b) || arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "the capability statement");
    http_reply_field(q->reply, "Content-Type", SLICE("application/fhir+json"));
    q->reply->status = 200;
    q->reply->body = buf_text(&b);
    return 0;
}
