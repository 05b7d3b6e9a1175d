/* cds_feedback.c -- POST /cds-services/{id}/feedback: what people did with cards, told by the client. */
#include "api/cds.h"
#include "base/clock.h"
#include "jobs/feedback.h"

enum { SUGGESTIONS_MAX = 16, COMMENT_MAX = 4096, CODE_MAX = 256 };

/* Where in the list: "feedback[2].card". */
struct place {
    struct api_request *q;
    size_t at;
};

static void complain(const struct place *p, const char *type, const char *name, const char *text)
{
    struct api_request *q = p->q;
    struct api_issue *i =
        api_issue_field(q, type, arena_printf(q->arena, "body/feedback/%zu%s%s", p->at, *name ? "/" : "", name), text);
    if (i)
        i->expression = arena_printf(q->arena, "feedback[%zu]%s%s", p->at, *name ? "." : "", name);
}

/* A string of at most `max` bytes, at a member of an object, whose place is `name` ("overrideReason.userComment");
 * {NULL,0}: not there, or after an issue. */
static struct slice text_at(const struct place *p, const struct json *j, uint32_t object, const char *name, size_t max)
{
    const char *dot = strrchr(name, '.');
    uint32_t node = json_get(j, object, dot ? dot + 1 : name);
    struct slice s = node && json_kind(j, node) == JSON_STRING ? json_text(j, node, p->q->arena) : SLICE("");
    if (node && (s.n == 0 || s.n > max))
        complain(p, "string_type", name, arena_printf(p->q->arena, "Input should be a string of 1 to %zu bytes", max));
    return node && s.n && s.n <= max ? s : (struct slice){NULL, 0};
}

static bool is_ours(struct slice code)
{
#define OVERRIDE(name, display)                                                                                        \
    if (slice_is(code, name))                                                                                          \
        return true;
#include "api/cds_overrides.def"
#undef OVERRIDE
    return false;
}

static void put_reason(const struct place *p, const struct json *j, uint32_t reason, struct json_out *o)
{
    static const char *const member[] = {"system", "code", "display"},
                            *const place[] = {"overrideReason.reason.system", "overrideReason.reason.code",
                                              "overrideReason.reason.display"};
    struct slice text[COUNT(member)];
    for (size_t i = 0; i < COUNT(member); i++)
        text[i] = text_at(p, j, reason, place[i], CODE_MAX);
    if (!text[1].n)
        complain(p, "missing", "overrideReason.reason.code", "Field required");
    else if (slice_is(text[0], CDS_OVERRIDES) && !is_ours(text[1]))
        complain(p, "enum", "overrideReason.reason.code", "Input should be a reason that the card offers");
    json_key(o, "reason");
    json_open(o, '{');
    for (size_t i = 0; i < COUNT(member); i++)
        if (text[i].n)
            json_pair(o, member[i], text[i]);
    json_close(o, '}');
}

static void put_override(const struct place *p, const struct json *j, uint32_t given, struct json_out *o)
{
    if (json_kind(j, given) != JSON_OBJECT) {
        complain(p, "dict_type", "overrideReason", "Input should be a valid dictionary");
        return;
    }
    uint32_t reason = json_get(j, given, "reason");
    struct slice comment = text_at(p, j, given, "overrideReason.userComment", COMMENT_MAX);
    json_key(o, "overrideReason");
    json_open(o, '{');
    if (reason && json_kind(j, reason) == JSON_OBJECT)
        put_reason(p, j, reason, o);
    else if (reason)
        complain(p, "dict_type", "overrideReason.reason", "Input should be a valid dictionary");
    if (comment.n)
        json_pair(o, "userComment", comment);
    json_close(o, '}');
}

/* Our cards make no suggestions; what a client counts as one is kept as it says. */
static void put_suggestions(const struct place *p, const struct json *j, uint32_t list, struct json_out *o)
{
    int n = 0;
    if (json_kind(j, list) != JSON_ARRAY) {
        complain(p, "list_type", "acceptedSuggestions", "Input should be a valid list");
        return;
    }
    json_key(o, "acceptedSuggestions");
    json_open(o, '[');
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k)) {
        bool object = json_kind(j, k) == JSON_OBJECT;
        struct slice id =
            object ? text_at(p, j, k, "acceptedSuggestions.id", CODE_MAX) : (struct slice){NULL, 0};
        if (!id.n || ++n > SUGGESTIONS_MAX) {
            complain(p, "value_error", "acceptedSuggestions", "Value error, at most 16 of {\"id\": TEXT}");
            break;
        }
        json_open(o, '{');
        json_pair(o, "id", id);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void read_outcome(const struct place *p, const struct json *j, uint32_t given, struct feedback *ret)
{
    struct slice outcome = text_at(p, j, given, "outcome", CODE_MAX);
    struct slice at = text_at(p, j, given, "outcomeTimestamp", CODE_MAX);
    ret->accepted = slice_is(outcome, "accepted");
    if (!ret->accepted && !slice_is(outcome, "overridden"))
        complain(p, "enum", "outcome", "Input should be 'accepted' or 'overridden'");
    if (!at.n || !clock_parse(at, &ret->at_us, NULL))
        complain(p, "value_error", "outcomeTimestamp", "Value error, an instant such as 2026-11-25T14:00:00Z");
}

static void read_one(const struct place *p, const struct json *j, uint32_t given, struct feedback *ret)
{
    struct buf b = buf_in(p->q->arena, FEEDBACK_SHEET_MAX);
    struct json_out o = json_out(&b);
    if (json_kind(j, given) != JSON_OBJECT) {
        complain(p, "dict_type", "", "Input should be a valid dictionary");
        return;
    }
    struct slice card = text_at(p, j, given, "card", CODE_MAX);
    uint32_t suggestions = json_get(j, given, "acceptedSuggestions"), override = json_get(j, given, "overrideReason");
    if (!card.n || !uuid_parse(card, ret->job))
        complain(p, "uuid_parsing", "card", "Input should be a valid UUID");
    read_outcome(p, j, given, ret);
    json_open(&o, '{');
    if (suggestions)
        put_suggestions(p, j, suggestions, &o);
    if (override)
        put_override(p, j, override, &o);
    json_close(&o, '}');
    ret->sheet = buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

/* The list of it; NULL after issues. */
static struct feedback *read_all(struct api_request *q, const struct json *j, size_t *n)
{
    uint32_t list = json_kind(j, 0) == JSON_OBJECT ? json_get_kind(j, 0, "feedback", JSON_ARRAY) : 0;
    *n = list ? j->node[list].len : 0;
    if (*n < 1 || *n > FEEDBACK_MAX) {
        struct api_issue *i =
            api_issue_field(q, "value_error", "body/feedback", "Value error, a list of 1 to 100 feedbacks");
        if (i)
            i->expression = "feedback";
        return NULL;
    }
    struct feedback *ret = arena_take(q->arena, *n * sizeof *ret);
    struct place p = {.q = q};
    for (uint32_t k = json_first(j, list); ret && k != json_end(j, list); k = json_next(j, k), p.at++)
        read_one(&p, j, k, &ret[p.at]);
    return ret;
}

/* The client knows it by the card's uuid. */
static int own_job(struct api_request *q, uint8_t id[16], struct err *e)
{
    uint8_t given[16];
    memcpy(given, id, sizeof given);
    return job_named(q->api->jobs, &q->caller, given, id, e);
}

int api_cds_feedback(struct api_request *q, struct err *e)
{
    struct cds_request r;
    size_t n;
    const struct model *m = registry_named(q->api->registry, q->param[0], SLICE("stable"));
    if (cds_request_parse(q, &r, e))
        return -1;
    if (!m)
        return err_set(e, ERR_NOT_FOUND, "no such service");
    struct feedback *list = read_all(q, &r.json, &n);
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "feedback");
    if (!list || q->issues)
        return err_set(e, ERR_BAD_REQUEST, "%zu issues of form", q->issues);
    for (size_t i = 0; i < n; i++)
        if (own_job(q, list[i].job, e))
            return -1;
    int there = feedback_add(q->api->jobs, &q->caller, m->manifest.key, list, n, &q->audit, q->arena, e);
    if (there <= 0)
        return there < 0 ? -1 : err_set(e, ERR_NOT_FOUND, "a card that is none of the caller's");
    q->reply->status = 200;
    http_reply_field(q->reply, "Content-Type", SLICE("application/json"));
    q->reply->body = SLICE("{}");
    return 0;
}
