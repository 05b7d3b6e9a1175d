#include "api/record_int.h"

int api_record_id(struct api_request *q, struct slice text, const char *loc, int64_t *ret, struct err *e)
{
    if (slice_int(text, 1, (INT64_C(1) << 52) - 1, ret))
        return 0;
    api_issue_field(q, "int_parsing", loc, "Input should be an id: a number that this service gave you");
    return err_set(e, ERR_BAD_REQUEST, "an id that is none");
}

int api_record_absent(struct err *e)
{
    return err_set(e, ERR_NOT_FOUND, "no such record of this role");
}

int api_page_asked(struct api_request *q, int most, int *ret_limit, int64_t *ret_cursor, struct err *e)
{
    struct slice limit = api_query(q, "limit"), cursor = api_query(q, "cursor");
    int64_t n = most;
    *ret_cursor = 0;
    if (limit.p && !slice_int(limit, 1, most, &n)) {
        const char *says = arena_printf(q->arena, "Input should be a number from 1 to %d", most);
        api_issue_field(q, "int_parsing", "query/limit", says ? says : "Input should be a number");
        return err_set(e, ERR_BAD_REQUEST, "a limit out of range");
    }
    *ret_limit = (int)n;
    return cursor.p ? api_record_id(q, cursor, "query/cursor", ret_cursor, e) : 0;
}

void api_page_told(struct api_request *q, int64_t all, int64_t next, int limit)
{
    struct buf b = buf_in(q->arena, 2048);
    struct slice rest = q->http->query, key, value;
    http_reply_field(q->reply, "X-Total-Count", slice_of(arena_printf(q->arena, "%lld", (long long)all)));
    if (!next)
        return;
    buf_printf(&b, "<%.*s?limit=%d&cursor=%lld", SLICE_FMT(q->http->path), limit, (long long)next);
    while (api_query_next(q, &rest, &key, &value))
        if (slice_is(key, "sort") || slice_is(key, "in_study") || slice_is(key, "state") || slice_is(key, "category") ||
            slice_is(key, "mine") || slice_is(key, "status")) /* their values have been found to be words */
            buf_printf(&b, "&%.*s=%.*s", SLICE_FMT(key), SLICE_FMT(value));
    buf_str(&b, ">; rel=\"next\"");
    if (!buf_failed(&b))
        http_reply_field(q->reply, "Link", buf_text(&b));
}

int api_object(struct api_request *q, struct json *ret, struct err *e)
{
    struct json_fault where;
    if (json_parse(q->arena, q->http->body, ret, &where) == 0 && json_kind(ret, 0) == JSON_OBJECT)
        return 0;
    api_issue_field(q, "json_invalid", "body", "Input should be a JSON object");
    return err_set(e, ERR_BAD_JSON, "a body that is no JSON object");
}

int api_form_refused(struct api_request *q, const char *field, const char *text, struct err *e)
{
    const char *type = strcmp(text, "Field required") == 0 ? "missing" : "value_error";
    const char *loc = field ? arena_printf(q->arena, "body/%s", field) : "body";
    if (loc)
        api_issue_field(q, type, loc, text);
    return err_set(e, ERR_BAD_REQUEST, "a form of another shape");
}

int api_if_match(const struct api_request *q, struct slice *ret, int most)
{
    struct slice rest = http_header(q->http, "If-Match");
    int n = 0;
    if (!rest.p || slice_is(slice_trim(rest), "*"))
        return 0;
    while (rest.p && n < most) {
        struct slice tag = slice_trim(slice_cut(&rest, ','));
        bool quoted = tag.n >= 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"';
        ret[n++] = quoted ? (struct slice){tag.p + 1, tag.n - 2} : SLICE("");
    }
    return n;
}

void api_tag(struct api_request *q, const char *tag)
{
    http_reply_field(q->reply, "ETag", slice_of(arena_printf(q->arena, "\"%s\"", tag)));
}

struct study_revs api_revs(const struct api_request *q)
{
    struct slice tag[STUDY_REVS];
    struct study_revs only = {.n = api_if_match(q, tag, STUDY_REVS)};
    for (int i = 0; i < only.n; i++)
        if (!slice_int(tag[i], 0, INT64_MAX, &only.rev[i]))
            only.rev[i] = -1;
    return only;
}

void api_tag_rev(struct api_request *q, int64_t rev)
{
    char tag[24];
    snprintf(tag, sizeof tag, "%lld", (long long)rev);
    api_tag(q, tag);
}
