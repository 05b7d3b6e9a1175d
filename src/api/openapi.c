#include "api/api_int.h"
#include "base/json.h"

extern const char schemas_json[];

static void put_ref(struct json_out *o, const char *type, const char *schema, struct arena *a)
{
    json_key(o, "content");
    json_open(o, '{');
    json_key(o, type);
    json_open(o, '{');
    json_key(o, "schema");
    json_open(o, '{');
    json_pair_str(o, "$ref", arena_printf(a, "#/components/schemas/%s", schema));
    json_close(o, '}');
    json_close(o, '}');
    json_close(o, '}');
}

static void put_error(struct json_out *o, enum err_code code, const char *schema, struct arena *a)
{
    json_key(o, arena_printf(a, "%d", err_http(code)));
    json_open(o, '{');
    json_pair_str(o, "description", err_text(code));
    put_ref(o, "application/json", schema, a);
    json_close(o, '}');
}

/* The errors a route of this kind can answer; an address open to all has only those of the machine. */
static void put_answers(struct json_out *o, const struct api_route *r, struct arena *a)
{
    bool open = policy_view(ROLE_ANONYMOUS, r->entity, r->action) != VIEW_NONE;
    json_key(o, "responses");
    json_open(o, '{');
    json_key(o, arena_printf(a, "%d", r->status));
    json_open(o, '{');
    json_pair_str(o, "description", r->summary);
    bool lines = strcmp(r->answer_schema, "JobEvent") == 0; /* one in each line, or event */
    if (*r->answer_schema)
        put_ref(o, lines ? "application/x-ndjson" : "application/json", r->answer_schema, a);
    json_close(o, '}');
    if (!open) {
        put_error(o, ERR_NOT_SIGNED_IN, "Error", a);
        put_error(o, ERR_NOT_ALLOWED, "Error", a);
        put_error(o, ERR_RATE, "Error", a);
    }
    if (strchr(r->path, ':')) {
        put_error(o, ERR_NOT_FOUND, "Error", a);
        put_error(o, ERR_BAD_REQUEST, "Error", a);
    }
    if (r->body_kib) {
        put_error(o, ERR_BAD_FHIR, "Error", a);
        put_error(o, ERR_DATA_MISSING, "Negotiation", a);
        put_error(o, ERR_TOO_LARGE, "Error", a);
        put_error(o, ERR_MEDIA_TYPE, "Error", a);
        put_error(o, ERR_BAD_REQUEST, "Error", a);
    }
    put_error(o, ERR_BUSY, "Error", a);
    json_close(o, '}');
}

/* "job_id" is a UUID, "key" a text. */
static void put_parameter(struct json_out *o, struct slice name)
{
    json_open(o, '{');
    json_pair(o, "name", name);
    json_pair_str(o, "in", "path");
    json_pair_bool(o, "required", true);
    bool id = name.n > 3 && memcmp(name.p + name.n - 3, "_id", 3) == 0;
    json_pair_raw(o, "schema",
                  id ? SLICE("{\"type\":\"string\",\"format\":\"uuid\"}") : SLICE("{\"type\":\"string\"}"));
    json_close(o, '}');
}

/* "/v1/jobs/:job_id/cancel" as "/v1/jobs/{job_id}/cancel" */
static const char *path_template(const char *path, struct arena *a)
{
    struct buf b = buf_in(a, 512);
    bool inside = false;
    for (const char *p = path; *p; p++) {
        if (inside && *p == '/')
            buf_byte(&b, '}');
        inside = inside && *p != '/';
        buf_byte(&b, *p == ':' ? '{' : *p);
        inside |= *p == ':';
    }
    if (inside)
        buf_byte(&b, '}');
    buf_byte(&b, 0);
    return buf_failed(&b) ? NULL : b.p;
}

static void put_operation(struct json_out *o, const struct api_route *r, struct arena *a)
{
    char method[8] = {0};
    for (size_t i = 0; r->method_text[i] && i < sizeof method - 1; i++)
        method[i] = (char)(r->method_text[i] + 32);
    json_key(o, method);
    json_open(o, '{');
    json_pair_str(o, "summary", r->summary);
    json_key(o, "tags");
    json_open(o, '[');
    json_put_str(o, entity_name(r->entity));
    json_close(o, ']');
    if (policy_view(ROLE_ANONYMOUS, r->entity, r->action) != VIEW_NONE)
        json_pair_raw(o, "security", SLICE("[]"));
    if (strchr(r->path, ':')) {
        json_key(o, "parameters");
        json_open(o, '[');
        for (const char *at = strchr(r->path, ':'); at; at = strchr(at + 1, ':'))
            put_parameter(o, (struct slice){at + 1, strcspn(at + 1, "/")});
        json_close(o, ']');
    }
    if (r->body_kib) {
        json_key(o, "requestBody");
        json_open(o, '{');
        json_pair_bool(o, "required", true);
        put_ref(o, "application/json", r->request_schema, a);
        json_close(o, '}');
    }
    put_answers(o, r, a);
    json_close(o, '}');
}

int api_description(struct arena *a, struct slice *ret, struct err *e)
{
    struct buf b = buf_in(a, 512 * 1024);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "openapi", "3.1.0");
    json_pair_raw(&o, "info",
                  SLICE("{\"title\":\"Lazaret\",\"version\":\"" LAZARET_VERSION
                        "\",\"description\":\"A gateway between FHIR clients and diagnostic models that run in "
                        "isolation. The sample models are not for clinical use.\",\"license\":{\"name\":\"MIT\","
                        "\"identifier\":\"MIT\"}}"));
    json_pair_raw(&o, "security", SLICE("[{\"apiKey\":[]}]"));
    json_key(&o, "paths");
    json_open(&o, '{');
    for (const struct api_route *r = api_routes(), *last = NULL; r->path; last = r++) {
        if (last && strcmp(last->path, r->path) == 0) { /* the methods of one path stand together in routes.def */
            put_operation(&o, r, a);
            continue;
        }
        if (last)
            json_close(&o, '}');
        json_key(&o, path_template(r->path, a));
        json_open(&o, '{');
        put_operation(&o, r, a);
    }
    json_close(&o, '}');
    json_close(&o, '}');
    json_key(&o, "components");
    json_open(&o, '{');
    json_pair_raw(&o, "securitySchemes", SLICE("{\"apiKey\":{\"type\":\"http\",\"scheme\":\"bearer\"}}"));
    json_pair_raw(&o, "schemas", slice_of(schemas_json));
    json_close(&o, '}');
    json_close(&o, '}');
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "the API's description");
    *ret = buf_text(&b);
    return 0;
}

int api_openapi(struct api_request *q, struct err *e)
{
    if (api_description(q->arena, &q->reply->body, e))
        return -1;
    http_reply_field(q->reply, "Content-Type", SLICE("application/json"));
    q->reply->status = 200;
    return 0;
}
