/* cds_request.c -- what a CDS client sends, and the Bundle that is made of it. */
#include "api/cds.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "fhir/fhir.h"

enum { BUNDLE_MAX = 32 << 20, ID_MAX = 64 };

/* What is wrong, in the words of both renderings: as a field of the body, and as a path. */
static void complain(struct api_request *q, const char *type, const char *path, const char *text)
{
    struct buf loc = buf_in(q->arena, 1024);
    buf_str(&loc, "body");
    for (const char *p = path; *p; p++) {
        if (p == path)
            buf_byte(&loc, '/');
        buf_byte(&loc, *p == '.' ? '/' : *p);
    }
    buf_byte(&loc, 0);
    struct api_issue *issue = api_issue_field(q, type, buf_failed(&loc) ? "body" : loc.p, text);
    if (issue && *path)
        issue->expression = path;
}

static struct slice want_text(struct cds_request *r, uint32_t in, const char *name, const char *path)
{
    uint32_t node = json_get(&r->json, in, name);
    if (!node)
        complain(r->q, "missing", path, "Field required");
    else if (json_kind(&r->json, node) != JSON_STRING || json_raw(&r->json, node).n == 0)
        complain(r->q, "string_type", path, "Input should be a valid string, and not empty");
    else
        return json_text(&r->json, node, r->q->arena);
    return (struct slice){NULL, 0};
}

static bool is_id(struct slice s)
{
    bool ok = s.n >= 1 && s.n <= ID_MAX;
    for (size_t i = 0; ok && i < s.n; i++)
        ok = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.", s.p[i]) && s.p[i];
    return ok;
}

static void read_context(struct cds_request *r)
{
    uint32_t context = json_get(&r->json, 0, "context");
    if (!context) {
        complain(r->q, "missing", "context", "Field required");
    } else if (json_kind(&r->json, context) != JSON_OBJECT) {
        complain(r->q, "dict_type", "context", "Input should be a valid dictionary");
    } else {
        want_text(r, context, "userId", "context.userId");
        r->patient = want_text(r, context, "patientId", "context.patientId");
        if (r->patient.n && !is_id(r->patient))
            complain(r->q, "value_error", "context.patientId", "Value error, the id of a FHIR Patient");
    }
}

/* A key that is plainly a name is told back; any other text of the client's may be a patient's, and is not. */
static const char *path_of(struct slice key, struct arena *a)
{
    bool plain = is_id(key) && key.p[0] >= 'A';
    return plain ? arena_printf(a, "prefetch.%.*s", SLICE_FMT(key)) : "prefetch";
}

static bool is_resource(const struct json *j, uint32_t node)
{
    return json_get_kind(j, node, "resourceType", JSON_STRING) != 0;
}

static void read_prefetch(struct cds_request *r)
{
    const struct json *j = &r->json;
    r->prefetch = json_get(j, 0, "prefetch");
    if (r->prefetch && json_kind(j, r->prefetch) == JSON_NULL)
        r->prefetch = 0;
    if (r->prefetch && json_kind(j, r->prefetch) != JSON_OBJECT) {
        complain(r->q, "dict_type", "prefetch", "Input should be a valid dictionary");
        r->prefetch = 0;
    }
    for (uint32_t k = r->prefetch ? json_first(j, r->prefetch) : 0;
         k && k != json_end(j, r->prefetch) && r->q->issues < ISSUES_MAX; k = json_next(j, k))
        if (json_kind(j, json_value(k)) != JSON_NULL && !is_resource(j, json_value(k)))
            complain(r->q, "value_error", path_of(json_text(j, k, r->q->arena), r->q->arena),
                     "Value error, a FHIR resource, a Bundle of them, or null");
}

int cds_request_parse(struct api_request *q, struct cds_request *ret, struct err *e)
{
    struct json_fault f;
    *ret = (struct cds_request){.q = q};
    if (json_parse(q->arena, q->http->body, &ret->json, &f)) {
        if (!f.what)
            return err_set(e, ERR_NO_MEMORY, "a body of %zu bytes", q->http->body.n);
        complain(q, "json_invalid", "", "JSON decode error");
        return err_set(e, ERR_BAD_JSON, "at byte %zu: %s", f.off, f.what);
    }
    return 0;
}

int cds_request_read(struct cds_request *r, struct err *e)
{
    struct api_request *q = r->q;
    uint8_t id[UUID_BYTES];
    if (json_kind(&r->json, 0) != JSON_OBJECT) {
        complain(q, "model_attributes_type", "", "Input should be a valid dictionary");
        return err_set(e, ERR_BAD_REQUEST, "the body is no object");
    }
    struct slice hook = want_text(r, 0, "hook", "hook");
    if (hook.n && !slice_is(hook, CDS_HOOK))
        complain(q, "enum", "hook", "Input should be '" CDS_HOOK "'");
    r->instance = want_text(r, 0, "hookInstance", "hookInstance");
    if (r->instance.n && !uuid_parse(r->instance, id))
        complain(q, "uuid_parsing", "hookInstance", "Input should be a valid UUID");
    read_context(r);
    read_prefetch(r);
    if (arena_failed(q->arena))
        return err_set(e, ERR_NO_MEMORY, "a body of %zu bytes", q->http->body.n);
    return q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of form", q->issues) : 0;
}

/* --- what a search found --- */

static bool has_next_page(const struct json *j, uint32_t bundle)
{
    uint32_t link = json_get_kind(j, bundle, "link", JSON_ARRAY);
    for (uint32_t k = link ? json_first(j, link) : 0; link && k != json_end(j, link); k = json_next(j, k)) {
        uint32_t relation = json_get_kind(j, k, "relation", JSON_STRING);
        if (relation && json_is(j, relation, "next"))
            return true;
    }
    return false;
}

/* "total": a search that was asked for nothing but a number, or for a page of none, may say that there are some. */
static bool says_there_are(const struct json *j, uint32_t bundle)
{
    uint32_t total = json_get(j, bundle, "total");
    return total && !(json_kind(j, total) == JSON_NUMBER && slice_is(json_raw(j, total), "0"));
}

/* Of a Bundle: what its entries hold, and whether one says that something went wrong. One that holds no resource says
 * at least not that there is none. */
static enum cds_sent judge_bundle(const struct json *j, uint32_t bundle)
{
    uint32_t entry = json_get(j, bundle, "entry");
    bool list = entry && json_kind(j, entry) == JSON_ARRAY;
    for (uint32_t k = list ? json_first(j, entry) : 0; list && k != json_end(j, entry); k = json_next(j, k)) {
        uint32_t resource = json_get_kind(j, k, "resource", JSON_OBJECT);
        if (resource && fhir_is(j, resource, "OperationOutcome"))
            return CDS_FAILED;
    }
    bool none = !entry || (list && j->node[entry].len == 0);
    return none && !says_there_are(j, bundle) && !has_next_page(j, bundle) ? CDS_NOTHING : CDS_SENT;
}

enum cds_sent cds_request_has(const struct cds_request *r, struct slice key)
{
    const struct json *j = &r->json;
    const char *name = arena_str(r->q->arena, key);
    uint32_t node = r->prefetch && name ? json_get(j, r->prefetch, name) : 0;
    if (!node)
        return CDS_NOT_ASKED;
    if (json_kind(j, node) == JSON_NULL)
        return CDS_NOTHING;
    if (fhir_is(j, node, "OperationOutcome"))
        return CDS_FAILED;
    return fhir_is(j, node, "Bundle") ? judge_bundle(j, node) : CDS_SENT;
}

/* --- the Bundle --- */

struct making {
    const struct cds_request *r;
    struct cds_bundle *ret;
    struct json_out o;
    size_t room;     /* of ret->from */
    uint32_t *first; /* a hash table of the resources that are in: their nodes + 1 */
    uint32_t mask;
    uint8_t seed[16];
    bool patient; /* is in */
};

/* The same resource may be found by several searches; what has no id is never the same. Its place in the table cannot
 * be chosen by who sends it: thousands that share one would be compared with each other. */
static bool is_in(struct making *m, uint32_t resource)
{
    const struct json *j = &m->r->json;
    struct slice text = json_span(j, resource), id = json_get_text(j, resource, "id", m->r->q->arena);
    const struct slice piece[] = {{(const char *)m->seed, sizeof m->seed}, text};
    uint8_t digest[SHA256_BYTES];
    uint32_t at;
    if (id.n == 0)
        return false;
    sha256_of(piece, COUNT(piece), digest);
    memcpy(&at, digest, sizeof at);
    for (at &= m->mask; m->first[at]; at = (at + 1) & m->mask)
        if (slice_eq(json_span(j, m->first[at] - 1), text))
            return true;
    m->first[at] = resource + 1;
    return false;
}

static void put_patient(struct making *m, uint32_t resource)
{
    const struct json *j = &m->r->json;
    json_open(&m->o, '{');
    json_pair_str(&m->o, "resourceType", "Patient");
    json_pair(&m->o, "id", m->r->patient);
    for (uint32_t k = resource ? json_first(j, resource) : 0; resource && k != json_end(j, resource);
         k = json_next(j, k))
        if (!json_is(j, k, "resourceType") && !json_is(j, k, "id")) {
            json_put(&m->o, json_text(j, k, m->r->q->arena));
            buf_byte(m->o.buf, ':');
            m->o.comma = false;
            json_put_raw(&m->o, json_span(j, json_value(k)));
        }
    json_close(&m->o, '}');
}

static int add(struct making *m, struct slice key, int entry)
{
    struct cds_bundle *b = m->ret;
    if (b->entries == m->room) {
        size_t more = m->room ? m->room * 2 : 64;
        void *from = arena_grow(m->r->q->arena, b->from, m->room * sizeof *b->from, more * sizeof *b->from);
        if (!from)
            return -1;
        b->from = from;
        m->room = more;
    }
    b->from[b->entries].key = key;
    b->from[b->entries++].entry = entry;
    return 0;
}

static int put_entry(struct making *m, struct slice key, int entry, uint32_t resource, struct slice url)
{
    if (add(m, key, entry))
        return -1;
    json_open(&m->o, '{');
    if (url.n)
        json_pair(&m->o, "fullUrl", url);
    json_key(&m->o, "resource");
    if (!resource || fhir_is(&m->r->json, resource, "Patient"))
        put_patient(m, resource);
    else
        json_put_raw(&m->o, json_span(&m->r->json, resource));
    json_close(&m->o, '}');
    return 0;
}

/* A Patient has to be the one the hook is about: under the patient's own key at least, where it may leave out its id.
 */
static bool is_other_patient(const struct making *m, struct slice key, uint32_t resource)
{
    struct slice id = json_get_text(&m->r->json, resource, "id", m->r->q->arena);
    return id.n ? !slice_eq(id, m->r->patient) : !slice_is(key, CDS_PATIENT);
}

static int take(struct making *m, struct slice key, int entry, uint32_t resource, struct slice url)
{
    const struct json *j = &m->r->json;
    if (fhir_is(j, resource, "OperationOutcome"))
        return 0;
    if (fhir_is(j, resource, "Patient")) {
        if (is_other_patient(m, key, resource)) {
            complain(m->r->q, "value_error", path_of(key, m->r->q->arena),
                     "Value error, a Patient that context.patientId does not name: leave it out");
            return 0;
        }
        if (m->patient)
            return 0; /* found again, by another search */
        m->patient = true;
    } else if (is_in(m, resource)) {
        return 0;
    }
    return put_entry(m, key, entry, resource, url);
}

static int take_key(struct making *m, struct slice key, uint32_t node)
{
    const struct json *j = &m->r->json;
    int entry = 0, rc = 0;
    if (json_kind(j, node) != JSON_OBJECT)
        return 0;
    if (!fhir_is(j, node, "Bundle"))
        return take(m, key, -1, node, (struct slice){NULL, 0});
    uint32_t list = json_get_kind(j, node, "entry", JSON_ARRAY);
    if (!list)
        return 0;
    for (uint32_t k = json_first(j, list); rc == 0 && k != json_end(j, list); k = json_next(j, k)) {
        uint32_t resource = json_get_kind(j, k, "resource", JSON_OBJECT);
        if (resource)
            rc = take(m, key, entry, resource, json_get_text(j, k, "fullUrl", m->r->q->arena));
        entry++;
    }
    return rc;
}

static int take_all(struct making *m)
{
    const struct json *j = &m->r->json;
    uint32_t all = m->r->prefetch;
    for (uint32_t k = all ? json_first(j, all) : 0; all && k != json_end(j, all); k = json_next(j, k))
        if (take_key(m, json_text(j, k, m->r->q->arena), json_value(k)))
            return -1;
    /* So that what is about others is not taken for theirs. */
    return m->patient ? 0 : put_entry(m, SLICE(CDS_PATIENT), -1, 0, (struct slice){NULL, 0});
}

int cds_bundle_make(const struct cds_request *r, struct cds_bundle *ret, struct err *e)
{
    struct arena *a = r->q->arena;
    struct buf b = buf_in(a, BUNDLE_MAX);
    struct making m = {.r = r, .ret = ret, .o = json_out(&b), .mask = 15};
    struct json_fault f;
    *ret = (struct cds_bundle){.entries = 0};
    rnd_bytes(m.seed, sizeof m.seed);
    while (m.mask < r->json.count / 4) /* a resource with an id has more nodes than four, so the table is never full */
        m.mask = m.mask * 2 + 1;
    if (!(m.first = arena_take(a, (m.mask + 1) * sizeof *m.first)))
        return err_set(e, ERR_NO_MEMORY, "a table of resources");
    json_open(&m.o, '{');
    json_pair_str(&m.o, "resourceType", "Bundle");
    json_pair_str(&m.o, "type", "collection");
    json_key(&m.o, "entry");
    json_open(&m.o, '[');
    int rc = take_all(&m);
    json_close(&m.o, ']');
    json_close(&m.o, '}');
    if (rc || buf_failed(&b) || json_parse(a, buf_text(&b), &ret->json, &f))
        return err_set(e, ERR_NO_MEMORY, "a Bundle of what was sent");
    return r->q->issues ? err_set(e, ERR_BAD_REQUEST, "%zu issues of whom it is about", r->q->issues) : 0;
}

const char *cds_bundle_where(const struct cds_bundle *b, const char *path, struct arena *a)
{
    static const char begin[] = "Bundle.entry[";
    int64_t n;
    if (!path || strncmp(path, begin, sizeof begin - 1) != 0)
        return path;
    struct slice rest = slice_of(path + sizeof begin - 1), at = slice_cut(&rest, ']');
    if (!rest.p || !slice_int(at, 0, (int64_t)b->entries - 1, &n) || !slice_starts(rest, ".resource"))
        return path;
    const char *key = path_of(b->from[n].key, a);
    if (b->from[n].entry >= 0)
        return arena_printf(a, "%s.entry[%d]%.*s", key, b->from[n].entry, SLICE_FMT(rest));
    rest.p += sizeof ".resource" - 1;
    rest.n -= sizeof ".resource" - 1;
    return arena_printf(a, "%s%.*s", key, SLICE_FMT(rest));
}
