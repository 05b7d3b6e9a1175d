/* auditevent.c -- entries of the audit log as FHIR R4 AuditEvents, near to IHE BALP 1.1 as far as an entry has the
 * facts.
 *
 *     AuditEvent   from the entry                          BALP
 *     id           its index
 *     type         rest; application activity (DCM 110100) where no request was, such as an operator's command
 *     subtype      create read update delete operation of restful-interaction
 *     action       C R U D E of `act`
 *     recorded     `t`
 *     outcome      0 permit, 4 deny, 8 error; outcomeDesc is `why`
 *     purposeOfEvent  BTG, of what was done under `bg`, the id of an emergency access
 *     agent        who asked, as an identifier (a client's name, the id of somebody's account) and their role, as the
 *                  source or the destination of what was sent; and this program, as the other
 *     source       this program, by its log's origin
 *     entity       what was acted on (`obj`), with `n` and `route` as details; the request's id (XrequestId), with the
 * trace
 *
 * Not as BALP has it: no patient is an entity, since no entry holds one's id; a search does not say which query it was;
 * agents have no network address. So no profile is claimed. */
#include <stdio.h>

#include "api/audit_int.h"
#include "base/clock.h"

enum { COUNT_DEFAULT = 20, COUNT_MAX = 100 };

#define DCM    "http://dicom.nema.org/resources/ontology/DCM"
#define HL7    "http://terminology.hl7.org/CodeSystem/"
#define BALP   "https://profiles.ihe.net/ITI/BALP/CodeSystem/"
#define SYSTEM "urn:lazaret:fhir:"

/* --- one --- */

static void put_coding(struct json_out *o, const char *system, const char *code, const char *display)
{
    json_open(o, '{');
    json_pair_str(o, "system", system);
    json_pair_str(o, "code", code);
    if (display)
        json_pair_str(o, "display", display);
    json_close(o, '}');
}

static void pair_coding(struct json_out *o, const char *key, const char *system, const char *code, const char *display)
{
    json_key(o, key);
    put_coding(o, system, code, display);
}

static void pair_concept(struct json_out *o, const char *key, const char *system, const char *code, const char *display)
{
    json_key(o, key);
    json_open(o, '{');
    json_key(o, "coding");
    json_open(o, '[');
    put_coding(o, system, code, display);
    json_close(o, ']');
    json_close(o, '}');
}

/* A reference by identifier: what it is of is no resource of this server. Without a value, words alone. */
static void pair_reference(struct json_out *o, const char *key, const char *system, const char *value,
                           const char *words)
{
    json_key(o, key);
    json_open(o, '{');
    if (value && *value) {
        json_key(o, "identifier");
        json_open(o, '{');
        json_pair_str(o, "system", system);
        json_pair_str(o, "value", value);
        json_close(o, '}');
    }
    if (words)
        json_pair_str(o, "display", words);
    json_close(o, '}');
}

static void put_detail(struct json_out *o, const char *type, const char *value)
{
    json_open(o, '{');
    json_pair_str(o, "type", type);
    json_pair_str(o, "valueString", value);
    json_close(o, '}');
}

static const struct act {
    const char *name, *code, *interaction;
    bool sends; /* the caller is the source of what was sent */
} acts[] = {{"create", "C", "create", true},
            {"read", "R", "read", false},
            {"update", "U", "update", true},
            {"delete", "D", "delete", true},
            {"", "E", "operation", true}}; /* all others */

static const struct act *act_of(const struct audit_entry *n)
{
    const struct act *a = acts;
    while (*a->name && strcmp(a->name, n->action) != 0)
        a++;
    return a;
}

static void put_type(struct json_out *o, const struct audit_entry *n, const struct act *a)
{
    if (n->route && *n->route != '/') {
        pair_coding(o, "type", DCM, "110100", "Application Activity");
        return;
    }
    pair_coding(o, "type", HL7 "audit-event-type", "rest", "RESTful Operation");
    json_key(o, "subtype");
    json_open(o, '[');
    put_coding(o, "http://hl7.org/fhir/restful-interaction", a->interaction, NULL);
    json_close(o, ']');
}

static void put_outcome(struct json_out *o, const struct audit_entry *n)
{
    json_pair_str(o, "outcome", strcmp(n->outcome, "permit") == 0 ? "0" : strcmp(n->outcome, "deny") == 0 ? "4" : "8");
    if (n->why && *n->why)
        json_pair_str(o, "outcomeDesc", n->why);
}

static void put_purpose(struct json_out *o, const struct audit_entry *n)
{
    if (!n->glass || !*n->glass)
        return;
    json_key(o, "purposeOfEvent");
    json_open(o, '[');
    json_open(o, '{');
    json_key(o, "coding");
    json_open(o, '[');
    put_coding(o, HL7 "v3-ActReason", "BTG", "break the glass");
    json_close(o, ']');
    json_close(o, '}');
    json_close(o, ']');
}

static void put_agent(struct json_out *o, bool source, const char *system, const char *id, const char *words,
                      const char *role, bool requestor)
{
    json_open(o, '{');
    if (source)
        pair_concept(o, "type", DCM, "110153", "Source Role ID");
    else
        pair_concept(o, "type", DCM, "110152", "Destination Role ID");
    if (role && *role) {
        json_key(o, "role");
        json_open(o, '[');
        json_open(o, '{');
        json_key(o, "coding");
        json_open(o, '[');
        put_coding(o, SYSTEM "CodeSystem:role", role, NULL);
        json_close(o, ']');
        json_close(o, '}');
        json_close(o, ']');
    }
    pair_reference(o, "who", system, id, words);
    json_pair_bool(o, "requestor", requestor);
    json_close(o, '}');
}

static void put_object(struct json_out *o, const struct audit_entry *n)
{
    char rows[24];
    char system[128];
    if (!n->object)
        return;
    snprintf(system, sizeof system, SYSTEM "identifier:%.80s", n->object);
    snprintf(rows, sizeof rows, "%lld", (long long)n->rows);
    json_open(o, '{');
    pair_reference(o, "what", system, n->object_id, n->object);
    pair_coding(o, "type", HL7 "audit-entity-type", "2", "System Object");
    pair_coding(o, "role", HL7 "object-role", "4", "Domain Resource");
    json_key(o, "detail");
    json_open(o, '[');
    put_detail(o, "rows", rows);
    if (n->route && *n->route)
        put_detail(o, "route", n->route);
    if (n->glass && *n->glass)
        put_detail(o, "bg", n->glass);
    json_close(o, ']');
    json_close(o, '}');
}

static void put_request(struct json_out *o, const struct audit_entry *n)
{
    if (!n->request || !*n->request)
        return;
    json_open(o, '{');
    pair_reference(o, "what", SYSTEM "identifier:request", n->request, NULL);
    pair_coding(o, "type", BALP "BasicAuditEntityType", "XrequestId", NULL);
    if (n->trace && *n->trace) {
        json_key(o, "detail");
        json_open(o, '[');
        put_detail(o, "traceparent", n->trace);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static void put_event(struct json_out *o, const struct api_request *q, const struct audit_found *x)
{
    const struct audit_entry *n = &x->entry;
    const struct act *a = act_of(n);
    const char *origin = audit_signer_key(q->api->signer)->name;
    char id[24], when[CLOCK_TEXT];
    snprintf(id, sizeof id, "%lld", (long long)x->index);
    json_open(o, '{');
    json_pair_str(o, "resourceType", "AuditEvent");
    json_pair_str(o, "id", id);
    put_type(o, n, a);
    json_pair_str(o, "action", a->code);
    json_pair_str(o, "recorded", clock_text(x->at, when));
    put_outcome(o, n);
    put_purpose(o, n);
    json_key(o, "agent");
    json_open(o, '[');
    put_agent(o, a->sends, SYSTEM "identifier:actor", n->actor, n->actor && *n->actor ? NULL : "nobody who is known",
              n->role, true);
    put_agent(o, !a->sends, SYSTEM "identifier:log", origin, "Lazaret", NULL, false);
    json_close(o, ']');
    json_key(o, "source");
    json_open(o, '{');
    pair_reference(o, "observer", SYSTEM "identifier:log", origin, "Lazaret");
    json_key(o, "type");
    json_open(o, '[');
    put_coding(o, HL7 "security-source-type", "4", "Application Server");
    json_close(o, ']');
    json_close(o, '}');
    if (n->object || (n->request && *n->request)) {
        json_key(o, "entity");
        json_open(o, '[');
        put_object(o, n);
        put_request(o, n);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static int answer(struct api_request *q, const struct buf *b, struct err *e)
{
    if (buf_failed(b))
        return err_set(e, ERR_NO_MEMORY, "the answer does not fit");
    http_reply_field(q->reply, "Content-Type", SLICE("application/fhir+json"));
    q->reply->status = 200;
    q->reply->body = buf_text(b);
    return 0;
}

int api_event_get(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, 64 * 1024);
    struct json_out o = json_out(&b);
    struct audit_filter f = {.most = 1};
    struct audit_found x;
    int64_t index;
    if (api_audit_scope(q, &f, e))
        return -1;
    int found = slice_int(q->param[0], 0, INT64_MAX - 1, &index) ? audit_at(q->api->db, index, q->arena, &x, e) : 0;
    if (found < 0)
        return -1;
    if (!found || !x.readable || !audit_matches(&f, &x))
        return err_set(e, ERR_NOT_FOUND, "no such entry");
    if (api_audit_read(q, arena_printf(q->arena, "%lld", (long long)index), 1, e))
        return -1;
    put_event(&o, q, &x);
    return answer(q, &b, e);
}

/* --- many --- */

/* date=ge2026-11-25: cuts [since, until) to it. */
static bool take_date(struct slice text, struct audit_filter *f)
{
    static const struct {
        const char *prefix;
        bool since, until, behind_since, behind_until;
    } row[] = {{"eq", true, true, false, true},  {"ge", true, false, false, false}, {"gt", true, false, true, false},
               {"sa", true, false, true, false}, {"le", false, true, false, true},  {"lt", false, true, false, false},
               {"eb", false, true, false, false}};
    size_t k = 0;
    int64_t at, span;
    if (text.n > 2 && text.p[0] >= 'a' && text.p[0] <= 'z') {
        while (k < COUNT(row) && memcmp(row[k].prefix, text.p, 2) != 0)
            k++;
        text = (struct slice){text.p + 2, text.n - 2};
    }
    if (k == COUNT(row) || !clock_parse(text, &at, &span) || at < 1)
        return false;
    int64_t since = at + (row[k].behind_since ? span : 0), until = at + (row[k].behind_until ? span : 0);
    if (row[k].since && since > f->since)
        f->since = since;
    if (row[k].until && (!f->until || until < f->until))
        f->until = until;
    return true;
}

static bool take_outcome(struct slice text, struct audit_filter *f)
{
    f->outcome = slice_is(text, "0")   ? SLICE("permit")
                 : slice_is(text, "4") ? SLICE("deny")
                 : slice_is(text, "8") ? SLICE("error")
                                       : (struct slice){NULL, 0};
    return f->outcome.p != NULL;
}

static bool take_one(struct slice key, struct slice value, struct audit_filter *f)
{
    int64_t most;
    if (slice_is(key, "date"))
        return take_date(value, f);
    if (slice_is(key, "outcome"))
        return take_outcome(value, f);
    if (slice_is(key, "agent")) {
        f->actor = value;
        return value.n != 0;
    }
    if (slice_is(key, "_count")) {
        if (!slice_int(value, 1, INT32_MAX, &most))
            return false;
        f->most = most > COUNT_MAX ? COUNT_MAX : (int)most;
        return true;
    }
    return slice_is(key, "_cursor")   ? api_audit_cursor(value, f)
           : slice_is(key, "_format") ? slice_is(value, "json") || slice_is(value, "application/fhir+json")
                                      : false;
}

/* A parameter that is not understood is refused: a search that left it out would tell more than was asked for. */
static int take_query(struct api_request *q, struct audit_filter *f, struct err *e)
{
    struct slice rest = q->http->query, key, value;
    while (api_query_next(q, &rest, &key, &value))
        if (key.n && !take_one(key, value, f))
            api_issue_field(q, "value_error", arena_printf(q->arena, "query/%.*s", SLICE_FMT(key)),
                            "Value error, understood are date (with eq, ge, gt, le or lt), agent, outcome (0, 4 or 8), "
                            "_count and _cursor");
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a query");
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues in the query", q->issues) : 0;
}

static void put_link(struct json_out *o, const char *relation, struct slice url)
{
    json_open(o, '{');
    json_pair_str(o, "relation", relation);
    json_pair(o, "url", url);
    json_close(o, '}');
}

/* The query once more, but from the cursor on: what it is made of is not unescaped, so it stays what it was. */
static struct slice next_url(struct api_request *q, const char *next)
{
    struct buf b = buf_in(q->arena, 16 * 1024);
    struct slice rest = q->http->query;
    buf_str(&b, "AuditEvent?");
    while (rest.p) {
        struct slice one = slice_cut(&rest, '&');
        if (one.n && !slice_starts(one, "_cursor="))
            buf_printf(&b, "%.*s&", SLICE_FMT(one));
    }
    buf_printf(&b, "_cursor=%s", next);
    return buf_text(&b);
}

int api_event_search(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    struct audit_filter f = {.most = COUNT_DEFAULT};
    struct audit_page p;
    if (take_query(q, &f, e) || api_audit_scope(q, &f, e) || audit_search(q->api->db, &f, q->arena, &p, e))
        return -1;
    int n = 0;
    for (int i = 0; i < p.n; i++)
        n += p.x[i].readable;
    if (api_audit_read(q, NULL, n, e))
        return -1;
    const char *next = api_audit_next(q, &p);
    json_open(&o, '{');
    json_pair_str(&o, "resourceType", "Bundle");
    json_pair_str(&o, "type", "searchset");
    json_key(&o, "link");
    json_open(&o, '[');
    put_link(
        &o, "self",
        slice_of(arena_printf(q->arena, "AuditEvent%s%.*s", q->http->query.n ? "?" : "", SLICE_FMT(q->http->query))));
    if (next)
        put_link(&o, "next", next_url(q, next));
    json_close(&o, ']');
    if (n)
        json_key(&o, "entry");
    if (n)
        json_open(&o, '[');
    for (int i = 0; i < p.n; i++) {
        if (!p.x[i].readable)
            continue;
        json_open(&o, '{');
        json_key(&o, "resource");
        put_event(&o, q, &p.x[i]);
        json_key(&o, "search");
        json_open(&o, '{');
        json_pair_str(&o, "mode", "match");
        json_close(&o, '}');
        json_close(&o, '}');
    }
    if (n)
        json_close(&o, ']');
    json_close(&o, '}');
    return answer(q, &b, e);
}
