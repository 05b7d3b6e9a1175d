/* webhooks.c -- a client's webhook endpoints, what was delivered to them, and sending it again. */
#include "api/api_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rnd.h"

enum { PAGE_MAX = 100 };

static void put_endpoint(struct json_out *o, const struct endpoint *x)
{
    char id[UUID_TEXT], when[CLOCK_TEXT];
    json_open(o, '{');
    json_pair_str(o, "endpoint_id", uuid_text(x->id, id));
    json_pair_str(o, "kind", x->origin ? "origin" : "url");
    json_pair_str(o, "url", x->url);
    json_pair_str(o, "payload", x->full ? "full" : "thin");
    json_pair_str(o, "created_at", clock_text(x->created_at, when));
    json_pair_bool(o, "enabled", !x->disabled);
    if (x->disabled)
        json_pair_str(o, "disabled_why", x->disabled_why);
    if (x->failing_since)
        json_pair_str(o, "failing_since", clock_text(x->failing_since, when));
    if (x->secret)
        json_pair_str(o, "webhook_secret", x->secret);
    json_close(o, '}');
}

int api_endpoint_list(struct api_request *q, struct err *e)
{
    struct endpoint list[ENDPOINTS_MAX + 1];
    struct buf b = buf_in(q->arena, 64 * 1024);
    struct json_out o = json_out(&b);
    int n = endpoint_list(q->api->db, &q->caller, q->arena, list, COUNT(list), e);
    if (n < 0)
        return -1;
    json_open(&o, '{');
    json_key(&o, "endpoints");
    json_open(&o, '[');
    for (int i = 0; i < n; i++)
        if (!list[i].origin || *list[i].url)
            put_endpoint(&o, &list[i]);
    json_close(&o, ']');
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

/* {"url": ..., "payload": "thin" | "full"} */
static int read_endpoint(struct api_request *q, const char **ret_url, bool *ret_full, struct err *e)
{
    struct json j;
    struct json_fault f = {0}; /* JSON, but no object, is no fault of it */
    if (json_parse(q->arena, q->http->body, &j, &f) || json_kind(&j, 0) != JSON_OBJECT) {
        api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
        return err_set(e, f.what ? ERR_BAD_JSON : ERR_BAD_REQUEST, "an endpoint that is no JSON object");
    }
    uint32_t url = json_get_kind(&j, 0, "url", JSON_STRING), payload = json_get(&j, 0, "payload");
    struct slice word = payload ? json_get_text(&j, 0, "payload", q->arena) : SLICE("thin");
    if (!url)
        api_issue_field(q, "missing", "body/url", "Field required");
    if (!slice_is(word, "thin") && !slice_is(word, "full"))
        api_issue_field(q, "enum", "body/payload", "Input should be 'thin' or 'full'");
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0) && q->issues < ISSUES_MAX; k = json_next(&j, k))
        if (!json_is(&j, k, "url") && !json_is(&j, k, "payload"))
            api_issue_field(q, "extra_forbidden", "body", "Extra inputs are not permitted");
    *ret_url = url ? arena_str(q->arena, json_text(&j, url, q->arena)) : NULL;
    *ret_full = slice_is(word, "full");
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "an endpoint");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", q->issues) : 0;
}

int api_endpoint_add(struct api_request *q, struct err *e)
{
    struct endpoint x;
    const char *url = NULL;
    bool full = false;
    struct buf b = buf_in(q->arena, 8192);
    struct json_out o = json_out(&b);
    if (read_endpoint(q, &url, &full, e))
        return -1;
    if (endpoint_add(q->api->db, q->api->keyring, &q->caller, url, full, &q->audit, q->arena, &x, e)) {
        if (e->code == ERR_USAGE) {
            api_issue_field(q, "value_error", "body/url",
                            "Value error, https://host[:port]/path, at most 512 characters, without user or fragment");
            e->code = ERR_BAD_REQUEST;
        }
        if (e->code == ERR_CONFLICT)
            q->detail = SLICE("\"A client has at most 16 endpoints: remove one\"");
        return -1;
    }
    put_endpoint(&o, &x);
    return api_answer(q, 201, &b, e);
}

static int id_of(struct api_request *q, const char *loc, uint8_t ret[UUID_BYTES], struct err *e)
{
    if (uuid_parse(q->param[0], ret))
        return 0;
    api_issue_field(q, "uuid_parsing", loc, "Input should be a valid UUID");
    return err_set(e, ERR_BAD_REQUEST, "an id that is no UUID");
}

static int change(struct api_request *q, enum endpoint_change what, int64_t keep_us, struct endpoint *ret,
                  struct err *e)
{
    uint8_t id[UUID_BYTES];
    if (id_of(q, "path/endpoint_id", id, e))
        return -1;
    int found =
        endpoint_change(q->api->db, q->api->keyring, &q->caller, id, what, keep_us, &q->audit, q->arena, ret, e);
    if (found < 0 && e->code == ERR_CONFLICT)
        q->detail = SLICE("\"The endpoint of the registered origin cannot be removed\"");
    return found < 0 ? -1 : found ? 0 : err_set(e, ERR_NOT_FOUND, "no such endpoint of this client");
}

int api_endpoint_remove(struct api_request *q, struct err *e)
{
    struct endpoint x;
    if (change(q, ENDPOINT_REMOVE, 0, &x, e))
        return -1;
    q->reply->status = 204;
    return 0;
}

int api_endpoint_enable(struct api_request *q, struct err *e)
{
    struct endpoint x;
    if (change(q, ENDPOINT_ENABLE, 0, &x, e))
        return -1;
    q->reply->status = 204;
    return 0;
}

int api_endpoint_rotate(struct api_request *q, struct err *e)
{
    struct endpoint x;
    int64_t hours = KEEP_HOURS;
    char id[UUID_TEXT], when[CLOCK_TEXT];
    struct slice keep = api_query(q, "keep_hours");
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    if (keep.p && !slice_int(keep, 0, KEEP_HOURS_MAX, &hours)) {
        api_issue_field(q, "int_parsing", "query/keep_hours", "Input should be a number from 0 to 168");
        return err_set(e, ERR_BAD_REQUEST, "keep_hours out of range");
    }
    if (change(q, ENDPOINT_ROTATE, hours * 3600 * 1000000, &x, e))
        return -1;
    json_open(&o, '{');
    json_pair_str(&o, "endpoint_id", uuid_text(x.id, id));
    json_pair_str(&o, "webhook_secret", x.secret);
    json_pair_str(&o, "old_valid_until", clock_text(x.old_until, when));
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

static void put_attempt(struct json_out *o, const struct val *v)
{
    char id[UUID_TEXT], when[CLOCK_TEXT];
    json_open(o, '{');
    json_pair_str(o, "event_id", uuid_text((const uint8_t *)v[0].s.p, id));
    json_pair_str(o, "job_id", uuid_text((const uint8_t *)v[6].s.p, id));
    json_pair_int(o, "attempt", v[1].i);
    json_pair_str(o, "at", clock_text(v[2].i, when));
    json_pair_int(o, "took_ms", v[3].i / 1000);
    json_pair_int(o, "status", v[4].i);
    json_pair(o, "outcome", v[5].s);
    if (v[8].kind != VAL_NULL)
        json_pair_str(o, "next_at", clock_text(v[8].i, when));
    json_close(o, '}');
}

int api_endpoint_deliveries(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    struct rows r;
    int64_t before = 0, most = 20;
    struct slice cursor = api_query(q, "cursor"), limit = api_query(q, "limit");
    struct buf b = buf_in(q->arena, 256 * 1024);
    struct json_out o = json_out(&b);
    if (id_of(q, "path/endpoint_id", id, e))
        return -1;
    if (cursor.p && !slice_int(cursor, 1, INT64_MAX, &before))
        api_issue_field(q, "value_error", "query/cursor", "Value error, take the cursor from the answer before");
    if (limit.p && !slice_int(limit, 1, PAGE_MAX, &most))
        api_issue_field(q, "int_parsing", "query/limit", "Input should be a number from 1 to 100");
    if (q->issues)
        return err_set(e, ERR_BAD_REQUEST, "%zu issues in the query", q->issues);
    int found = deliver_log(q->api->db, &q->caller, id, before, (int)most, q->arena, &r, e);
    if (found <= 0)
        return found < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "no such endpoint of this client");
    json_open(&o, '{');
    json_key(&o, "deliveries");
    json_open(&o, '[');
    for (int i = 0; i < r.n; i++)
        put_attempt(&o, row_at(&r, i, 0));
    json_close(&o, ']');
    json_key(&o, "next");
    if (r.n == most)
        json_put_str(&o, arena_printf(q->arena, "%lld", (long long)row_at(&r, r.n - 1, 2)->i));
    else
        json_put_null(&o);
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_redeliver(struct api_request *q, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT];
    struct buf b = buf_in(q->arena, 1024);
    struct json_out o = json_out(&b);
    if (id_of(q, "path/event_id", id, e))
        return -1;
    int n = deliver_again(q->api->db, &q->caller, id, &q->audit, e);
    if (n <= 0)
        return n < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "no such event of this client");
    json_open(&o, '{');
    json_pair_str(&o, "event_id", uuid_text(id, text));
    json_pair_int(&o, "endpoints", n);
    json_close(&o, '}');
    return api_answer(q, 202, &b, e);
}
