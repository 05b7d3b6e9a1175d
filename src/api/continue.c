#include "api/continue.h"

#include <stdlib.h>

#include "base/clock.h"
#include "fhir/fhir.h"
#include "jobs/negotiation.h"

enum { WHOLE_MAX = 16 << 20, PART_MAX = 1 << 20 };

/* --- keeping --- */

int64_t continue_until(const struct api_request *q, const struct intake *x)
{
    bool keeps = x->may_go_on && q->api->config.negotiation_us > 0 && q->caller.role == ROLE_CLIENT &&
                 json_span(x->doc, x->bundle).n <= NEGOTIATION_BYTES;
    return keeps ? clock_now_us() + q->api->config.negotiation_us : 0;
}

void continue_keep(struct api_request *q, const struct intake *x, const uint8_t id[16], int64_t until, struct err *e)
{
    struct buf b = buf_in(q->arena, NEGOTIATION_BYTES + 4096);
    struct json_out o = json_out(&b);
    struct audit_entry refused = q->audit;
    struct err failed;
    json_open(&o, '{');
    json_pair(&o, "target", x->target);
    json_pair_str(&o, "policy", policy_name(x->policy));
    json_pair_raw(&o, "bundle", json_span(x->doc, x->bundle));
    json_close(&o, '}');
    refused.outcome = "deny";
    refused.why = err_name(e->code);
    if (buf_failed(&b))
        err_set(&failed, ERR_NO_MEMORY, "a Bundle to keep");
    else if (negotiation_keep(q->api->jobs, &q->caller, id, buf_text(&b), until, &refused, q->arena, &failed) == 0)
        return;
    *e = failed;
    api_untold(q);
}

/* --- going on --- */

struct going_on {
    struct submission *d;
    struct json kept;
    const struct json *now;
    uint32_t part;     /* node of the Bundle or QuestionnaireResponse that came */
    struct name *name; /* of the entries that came and have one, sorted */
    size_t names;
    struct json_out o;
};

static int refuse(struct submission *d, const char *at, const char *text, struct err *e)
{
    api_issue_field(d->q, "value_error", at, text);
    return err_set(e, ERR_BAD_REQUEST, "a negotiation that does not go on");
}

/* "ng_" and a UUID. 1, 0: there is none; -1. */
static int find(struct submission *d, uint32_t node, struct going_on *g, struct err *e)
{
    struct slice name = json_text(&d->json, node, d->q->arena), sheet;
    struct json_fault f;
    if (!slice_starts(name, "ng_") || !uuid_parse((struct slice){name.p + 3, name.n - 3}, d->continues))
        return 0;
    int found = negotiation_find(d->q->api->jobs, &d->q->caller, d->continues, d->q->arena, &sheet, e);
    if (found <= 0)
        return found;
    if (json_parse(d->q->arena, sheet, &g->kept, &f))
        return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "a kept Bundle that is no JSON");
    return 1;
}

static struct slice raw_at(const struct json *j, uint32_t object, const char *key)
{
    uint32_t node = json_get_kind(j, object, key, JSON_STRING);
    return node ? json_raw(j, node) : (struct slice){NULL, 0};
}

/* What an entry's resource is called: by its address, or without one by its type and id. id.n == 0: by nothing. */
struct name {
    struct slice type, id; /* an address stands in id, and has no type */
};

static struct name name_of(const struct json *j, uint32_t entry)
{
    struct slice url = raw_at(j, entry, "fullUrl");
    uint32_t resource = url.n ? 0 : json_get_kind(j, entry, "resource", JSON_OBJECT);
    if (!resource)
        return (struct name){{NULL, 0}, url};
    return (struct name){raw_at(j, resource, "resourceType"), raw_at(j, resource, "id")};
}

static int by_slice(struct slice a, struct slice b)
{
    int d = a.n && b.n ? memcmp(a.p, b.p, a.n < b.n ? a.n : b.n) : 0;
    return d ? d : a.n < b.n ? -1 : a.n > b.n;
}

static int by_name(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int d = by_slice(x->id, y->id);
    return d ? d : by_slice(x->type, y->type);
}

/* In order, so that each old one is looked for in few steps, whatever a client calls its resources. -1: memory is out.
 */
static int name_added(struct going_on *g, uint32_t added)
{
    const struct json *j = g->now;
    if (!added || j->node[added].len == 0)
        return 0;
    if (!(g->name = arena_take(g->d->q->arena, j->node[added].len * sizeof *g->name)))
        return -1;
    for (uint32_t k = json_first(j, added); k != json_end(j, added); k = json_next(j, k))
        if ((g->name[g->names] = name_of(j, k)).id.n)
            g->names++;
    qsort(g->name, g->names, sizeof *g->name, by_name);
    return 0;
}

static bool comes_again(const struct going_on *g, uint32_t entry)
{
    struct name was = name_of(&g->kept, entry);
    return was.id.n && g->names && bsearch(&was, g->name, g->names, sizeof *g->name, by_name);
}

static void put_bundle(struct going_on *g)
{
    uint32_t bundle = json_get(&g->kept, 0, "bundle"), old = json_get_kind(&g->kept, bundle, "entry", JSON_ARRAY);
    uint32_t added = json_get_kind(g->now, g->part, "entry", JSON_ARRAY);
    json_open(&g->o, '{');
    for (uint32_t k = json_first(&g->kept, bundle); k != json_end(&g->kept, bundle); k = json_next(&g->kept, k))
        if (!json_is(&g->kept, k, "entry")) {
            json_key(&g->o, arena_str(g->d->q->arena, json_text(&g->kept, k, g->d->q->arena)));
            json_put_raw(&g->o, json_span(&g->kept, json_value(k)));
        }
    json_key(&g->o, "entry");
    json_open(&g->o, '[');
    for (uint32_t k = old ? json_first(&g->kept, old) : 0; old && k != json_end(&g->kept, old);
         k = json_next(&g->kept, k))
        if (!comes_again(g, k))
            json_put_raw(&g->o, json_span(&g->kept, k));
    for (uint32_t k = added ? json_first(g->now, added) : 0; added && k != json_end(g->now, added);
         k = json_next(g->now, k))
        json_put_raw(&g->o, json_span(g->now, k));
    if (fhir_is(g->now, g->part, "QuestionnaireResponse")) {
        json_open(&g->o, '{');
        json_pair_raw(&g->o, "resource", json_span(g->now, g->part));
        json_close(&g->o, '}');
    }
    json_close(&g->o, ']');
    json_close(&g->o, '}');
}

/* What the body says of all else, or what was said the first time, by the same client. */
static void put_rest(struct going_on *g)
{
    const struct json *j = g->now;
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k))
        if (!json_is(j, k, "negotiation_id") && !json_is(j, k, "fhir_bundle") && !json_is(j, k, "add")) {
            json_key(&g->o, arena_str(g->d->q->arena, json_text(j, k, g->d->q->arena)));
            json_put_raw(&g->o, json_span(j, json_value(k)));
        }
    if (!json_get(j, 0, "client_id"))
        json_pair_str(&g->o, "client_id", g->d->q->caller.name);
    if (!json_get(j, 0, "target_diagnosis"))
        json_pair_raw(&g->o, "target_diagnosis", json_span(&g->kept, json_get(&g->kept, 0, "target")));
    if (!json_get(j, 0, "policy"))
        json_pair_raw(&g->o, "policy", json_span(&g->kept, json_get(&g->kept, 0, "policy")));
}

static int merge(struct going_on *g, struct err *e)
{
    struct submission *d = g->d;
    struct buf b = buf_in(d->q->arena, WHOLE_MAX);
    struct json whole;
    struct json_fault f;
    if (name_added(g, json_get_kind(g->now, g->part, "entry", JSON_ARRAY)))
        return err_set(e, ERR_NO_MEMORY, "the names of resources");
    g->o = json_out(&b);
    json_open(&g->o, '{');
    put_rest(g);
    json_key(&g->o, "fhir_bundle");
    put_bundle(g);
    json_close(&g->o, '}');
    if (buf_failed(&b) || json_parse(d->q->arena, buf_text(&b), &whole, &f))
        return err_set(e, ERR_NO_MEMORY, "a Bundle put together");
    d->json = whole;
    return 0;
}

int continue_ended(struct submission *d, struct err *e)
{
    d->ended = true;
    return refuse(d, "body/negotiation_id", "Value error, no negotiation of this id is kept: send all of the Bundle",
                  e);
}

/* It stands in `add`, or as all of it the first time in `fhir_bundle`. */
static int find_part(struct going_on *g, struct err *e)
{
    const struct json *j = g->now;
    bool adds = json_get(j, 0, "add");
    const char *key = adds ? "add" : "fhir_bundle", *at = adds ? "body/add" : "body/fhir_bundle";
    if (adds && json_get(j, 0, "fhir_bundle"))
        return refuse(g->d, at, "Value error, the same as fhir_bundle: send one of them", e);
    g->part = json_get_kind(j, 0, key, JSON_OBJECT);
    if (!g->part || !(fhir_is(j, g->part, "Bundle") || fhir_is(j, g->part, "QuestionnaireResponse")))
        return refuse(g->d, at, "Value error, a Bundle of what was missing, or a QuestionnaireResponse", e);
    return json_span(j, g->part).n > PART_MAX
               ? refuse(g->d, at, "Value error, at most 1 MiB beside a negotiation_id", e)
               : 0;
}

int submission_continue(struct submission *d, struct err *e)
{
    struct going_on g = {.d = d, .now = &d->json};
    struct json now = d->json;
    uint32_t id = json_kind(&now, 0) == JSON_OBJECT ? json_get(&now, 0, "negotiation_id") : 0;
    if (!id)
        return 0;
    g.now = &now;
    if (find_part(&g, e))
        return -1;
    int found = json_kind(&now, id) == JSON_STRING ? find(d, id, &g, e) : 0;
    if (found < 0)
        return -1;
    if (!found)
        return continue_ended(d, e);
    uint32_t target = json_get_kind(&now, 0, "target_diagnosis", JSON_STRING);
    if (target && !slice_eq(json_raw(&now, target), json_raw(&g.kept, json_get(&g.kept, 0, "target"))))
        return refuse(d, "body/target_diagnosis", "Value error, the negotiation is about another target", e);
    d->goes_on = true;
    return merge(&g, e);
}
