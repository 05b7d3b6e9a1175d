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
#include "api/fhir_int.h"
#include "base/clock.h"

#define DCM    "http://dicom.nema.org/resources/ontology/DCM"
#define HL7    FACE_HL7
#define BALP   "https://profiles.ihe.net/ITI/BALP/CodeSystem/"
#define SYSTEM FACE_OURS

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

static struct face_meta meta(struct api_request *q, const void *record)
{
    const struct audit_found *x = record;
    return (struct face_meta){.id = arena_printf(q->arena, "%lld", (long long)x->index)};
}

static void put_event(struct json_out *o, struct api_request *q, const struct face_meta *m, const void *record)
{
    const struct audit_found *x = record;
    const struct audit_entry *n = &x->entry;
    const struct act *a = act_of(n);
    const char *origin = audit_signer_key(q->api->signer)->name;
    char when[CLOCK_TEXT];
    json_pair_str(o, "id", m->id);
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
}

static const struct face_kind kind = {FACE_AuditEvent, meta, put_event};

int api_event_get(struct api_request *q, struct err *e)
{
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
    if (api_audit_names(q, &x, 1, e) || api_audit_read(q, arena_printf(q->arena, "%lld", (long long)index), 1, e))
        return -1;
    return face_send(q, &kind, &x, e);
}

/* --- many --- */

static int take_date(struct api_request *q, const struct search *s, struct audit_filter *f, struct err *e)
{
    struct search_span x;
    const char *wrong = search_span(s, PARAM_AuditEvent_date, &x);
    if (!wrong && x.not_until > x.not_from)
        wrong = "ne is not understood here";
    if (wrong)
        return face_refuse(q, "not-supported", "date", wrong, e);
    f->since = x.since > 0 ? x.since : 0;
    f->until = x.until == INT64_MAX ? 0 : x.until > 1 ? x.until : 1;
    return 0;
}

/* One code of each; `system|` is any system's. */
static int take_token(struct api_request *q, const struct search *s, enum search_param p, struct slice *ret,
                      struct err *e)
{
    const struct search_term *t = search_term(s, p);
    if (t && (search_terms(s, p) > 1 || t->values > 1 || !t->value[0].text.p))
        return face_refuse(q, "not-supported", search_param_row(p)->name, "it is understood once, with one code", e);
    *ret = t ? t->value[0].text : (struct slice){NULL, 0};
    return 0;
}

static int take_outcome(struct api_request *q, struct slice text, struct audit_filter *f, struct err *e)
{
    f->outcome = slice_is(text, "0")   ? SLICE("permit")
                 : slice_is(text, "4") ? SLICE("deny")
                 : slice_is(text, "8") ? SLICE("error")
                                       : (struct slice){NULL, 0};
    return !text.p || f->outcome.p ? 0 : face_refuse(q, "invalid", "outcome", "it is 0, 4 or 8", e);
}

static int take_query(struct api_request *q, struct search *s, struct audit_filter *f, struct err *e)
{
    struct slice outcome = {NULL, 0};
    if (face_search(q, FACE_AuditEvent, s, e) || take_date(q, s, f, e) ||
        take_token(q, s, PARAM_AuditEvent_agent, &f->actor, e) ||
        take_token(q, s, PARAM_AuditEvent_outcome, &outcome, e) || take_outcome(q, outcome, f, e))
        return -1;
    f->most = s->count;
    return !s->cursor.p || api_audit_cursor(s->cursor, f)
               ? 0
               : face_refuse(q, "invalid", "_cursor", "take it from the link `next` of a page", e);
}

int api_event_search(struct api_request *q, struct err *e)
{
    struct audit_filter f = {.most = 0};
    struct audit_page p;
    struct search s;
    if (take_query(q, &s, &f, e))
        return -1;
    if (s.only_count)
        return face_refuse(q, "not-supported", "_summary", "nobody counts the entries of a log that grows", e);
    if (api_audit_scope(q, &f, e) || audit_search(q->api->db, &f, q->arena, &p, e) ||
        api_audit_names(q, p.x, p.n, e))
        return -1;
    struct face_page page = {p.x, sizeof *p.x, 0, -1, api_audit_next(q, &p)};
    for (int i = 0; i < p.n; i++)
        if (p.x[i].readable)
            p.x[page.n++] = p.x[i];
    return api_audit_read(q, NULL, page.n, e) ? -1 : face_send_page(q, &s, &kind, &page, e);
}
