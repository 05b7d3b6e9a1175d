/* bundle.c -- what the entries of a Bundle owe each other, and where references inside it lead.
 *
 * Entries are put into a hash table before they are checked: each by its fullUrl and by "Type/id". So a reference is
 * found in one look, and a Bundle takes time linear in its entries. A document made so that its addresses share hashes
 * spends the steps that its invariants have, too, and ends as too costly.
 *
 * A reference that is relative is resolved against the address of the entry that holds it, where that is one of a
 * server ("http://server/Patient/7"); else, and where nothing is found so, by type and id alone. What is not in the
 * Bundle may be elsewhere, but for what a document or message must bring along, and for URNs, which lead nowhere
 * else. */
#include "base/own.h"
#include "fhir/check_int.h"
#include "fhir/lookup_int.h"
#include "fhir/match_int.h"

enum bundle_type { OTHER, DOCUMENT, MESSAGE, SEARCHSET, HISTORY, TRANSACTION };

struct entry {
    uint32_t node, url, resource, type, id; /* 0: it has none */
};

struct slot {
    uint32_t hash;
    uint32_t key; /* KEY_OF an entry, by its address or by "Type/id"; 0: empty */
};
#define KEY_OF(entry, by_id) (2 * ((entry) + 1) + (by_id))

struct bundle {
    enum bundle_type type;
    struct entry *entry;
    uint32_t entries, at; /* at: the one being checked */
    struct slot *slot;
    uint32_t mask;
    struct slice base;          /* of the entry's address: "http://server/"; n == 0: none */
    struct fhir_targets sought; /* the types that were searched for, if sought_known */
    bool sought_known;
    bool about_known; /* whom it is about: */
    uint32_t about;   /* a resource of the document; 0: outside, at */
    struct slice about_at;
};

#define HASH 2166136261u /* FNV-1a's beginning and factor */

static uint32_t hash_more(uint32_t h, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

static uint32_t hash_end(uint32_t h)
{
    return h ^ h >> 15;
}

/* Of both, one after the other. */
static uint32_t hash_of(struct slice a, struct slice b)
{
    return hash_end(hash_more(hash_more(HASH, a), b));
}

static struct slice text_of(struct check *c, uint32_t node)
{
    struct slice s = node ? json_text(c->j, node, c->arena) : (struct slice){"", 0};
    c->failed |= !s.p;
    return s.p ? s : (struct slice){"", 0};
}

/* Is s the two parts, one after the other? */
static bool is_joined(struct slice s, struct slice a, struct slice b)
{
    return s.n == a.n + b.n && memcmp(s.p, a.p, a.n) == 0 && memcmp(s.p + a.n, b.p, b.n) == 0;
}

static void put(struct check *c, struct bundle *b, uint32_t hash, uint32_t key)
{
    uint32_t h = hash & b->mask;
    while (b->slot[h].key && --c->steps >= 0)
        h = (h + 1) & b->mask;
    if (!b->slot[h].key)
        b->slot[h] = (struct slot){hash, key};
}

static void put_entry(struct check *c, struct bundle *b, uint32_t i)
{
    const struct entry *e = &b->entry[i];
    struct slice type = text_of(c, e->type), id = text_of(c, e->id);
    if (e->url)
        put(c, b, hash_of((struct slice){"", 0}, text_of(c, e->url)), KEY_OF(i, 0));
    if (type.n && id.n)
        put(c, b, hash_end(hash_more(hash_more(hash_more(HASH, type), SLICE("/")), id)), KEY_OF(i, 1));
}

static enum bundle_type type_of(const struct json *j, uint32_t node)
{
    uint32_t type = json_get_kind(j, node, "type", JSON_STRING);
    return !type                             ? OTHER
           : json_is(j, type, "document")    ? DOCUMENT
           : json_is(j, type, "message")     ? MESSAGE
           : json_is(j, type, "searchset")   ? SEARCHSET
           : json_is(j, type, "history")     ? HISTORY
           : json_is(j, type, "transaction") ? TRANSACTION
                                             : OTHER;
}

/* Adds the type of this name to those that were searched for; false: there is none. */
static bool seek(struct bundle *b, struct slice name)
{
    const struct fhir_shape *s = resource_shape(name);
    if (s)
        b->sought.bit[s->number / 64] |= (uint64_t)1 << s->number % 64;
    return s;
}

/* "http://server/Observation?code=..." or "http://server?_type=Observation,Condition". */
static bool read_search(struct bundle *b, struct slice url)
{
    struct slice path = slice_cut(&url, '?'), last = {path.p, 0};
    while (path.p)
        last = slice_cut(&path, '/');
    if (seek(b, last))
        return true;
    while (url.p) {
        struct slice types = slice_cut(&url, '&');
        if (!slice_starts(types, "_type="))
            continue;
        types = (struct slice){types.p + 6, types.n - 6};
        bool all = true;
        while (types.p)
            all &= seek(b, slice_cut(&types, ','));
        return all;
    }
    return false;
}

/* What a searchset says of itself in its link. */
static void read_self(struct check *c, struct bundle *b, uint32_t node)
{
    const struct json *j = c->j;
    uint32_t list = json_get_kind(j, node, "link", JSON_ARRAY);
    for (uint32_t k = list ? json_first(j, list) : 0; list && k != json_end(j, list); k = json_next(j, k)) {
        uint32_t relation = json_get_kind(j, k, "relation", JSON_STRING), url = json_get_kind(j, k, "url", JSON_STRING);
        if (relation && url && json_is(j, relation, "self"))
            b->sought_known = read_search(b, text_of(c, url));
    }
}

static void read_entries(struct check *c, struct bundle *b, uint32_t list)
{
    const struct json *j = c->j;
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k), b->entries++) {
        uint32_t resource = json_get_kind(j, k, "resource", JSON_OBJECT);
        b->entry[b->entries] = (struct entry){.node = k,
                                              .url = json_get_kind(j, k, "fullUrl", JSON_STRING),
                                              .resource = resource,
                                              .type = json_get_kind(j, resource, "resourceType", JSON_STRING),
                                              .id = json_get_kind(j, resource, "id", JSON_STRING)};
        if (!resource) /* what node 0 has is not the entry's */
            b->entry[b->entries].type = b->entry[b->entries].id = 0;
    }
}

struct bundle *bundle_begin(struct check *c, uint32_t node)
{
    struct bundle *around = c->bundle, *b = TAKE_NEW(c->arena, struct bundle);
    uint32_t list = json_get_kind(c->j, node, "entry", JSON_ARRAY), n = list ? c->j->node[list].len : 0;
    uint32_t size = 8;
    while (size < 4 * (uint64_t)n && size < (1u << 31))
        size *= 2;
    if (b) {
        b->type = type_of(c->j, node);
        b->entry = arena_take(c->arena, ((size_t)n + 1) * sizeof *b->entry);
        b->slot = arena_take(c->arena, size * sizeof *b->slot);
        b->mask = size - 1;
    }
    c->failed |= !b || !b->entry || !b->slot;
    if (c->failed)
        return around;
    if (n)
        read_entries(c, b, list);
    if (b->type == SEARCHSET)
        read_self(c, b, node);
    for (uint32_t i = 0; i < n && c->steps >= 0; i++)
        put_entry(c, b, i);
    c->bundle = b;
    return around;
}

void bundle_end(struct check *c, struct bundle *around)
{
    c->bundle = around;
}

/* Is it the entry's key: its address, or (x is empty then) "Type/id"? */
static bool is_key(struct check *c, const struct entry *e, bool by_id, struct slice x, struct slice y)
{
    if (!by_id)
        return is_joined(text_of(c, e->url), x, y);
    struct slice type = text_of(c, e->type), id = text_of(c, e->id);
    return x.n == 0 && y.n == type.n + 1 + id.n && y.p[type.n] == '/' && memcmp(y.p, type.p, type.n) == 0 &&
           memcmp(y.p + type.n + 1, id.p, id.n) == 0;
}

static struct slice version_of(struct check *c, const struct entry *e)
{
    uint32_t meta = e->resource ? json_get(c->j, e->resource, "meta") : 0,
             version = meta ? json_get_kind(c->j, meta, "versionId", JSON_STRING) : 0;
    return text_of(c, version);
}

/* What a reference asks for: the entry whose key is x and y, one after the other, and its version (n == 0: any). */
struct wanted {
    struct slice x, y, version;
};

/* The resource of the first such entry; 0: none. *ret_more (may be NULL): there are others. */
static uint32_t find(struct check *c, const struct bundle *b, const struct wanted *w, bool *ret_more)
{
    struct arena_mark before = arena_mark(c->arena);
    uint32_t hash = hash_of(w->x, w->y), found = 0;
    bool more = false;
    for (uint32_t h = hash & b->mask; b->slot[h].key && !more && --c->steps >= 0; h = (h + 1) & b->mask) {
        const struct entry *e = &b->entry[b->slot[h].key / 2 - 1];
        if (b->slot[h].hash != hash || !e->resource || !is_key(c, e, b->slot[h].key & 1, w->x, w->y) ||
            (w->version.n && !slice_eq(version_of(c, e), w->version)))
            continue;
        more = found || !ret_more;
        found = found ? found : e->resource;
    }
    if (ret_more)
        *ret_more = more;
    arena_rewind(c->arena, before);
    return found;
}

/* R4 3.3.1: by fullUrl, and of a reference to a version, by that. Entries of one fullUrl are versions, so that a
 * reference to none of them leads to any; in a document it must lead to one. */
uint32_t bundle_find(struct check *c, struct slice reference, bool *ret_unclear)
{
    static const size_t history = sizeof "/_history/" - 1;
    const struct bundle *b = c->bundle;
    const struct slice s = reference_unversioned(reference);
    const bool version = s.n + history < reference.n;
    struct wanted w = {.y = s};
    bool more = false;
    if (version)
        w.version = (struct slice){reference.p + s.n + history, reference.n - s.n - history};
    w.x = match_absolute(s) ? (struct slice){"", 0} : b->base;
    uint32_t found = w.x.n || match_absolute(s) ? find(c, b, &w, &more) : 0;
    if (ret_unclear)
        *ret_unclear = more && !version && b->type == DOCUMENT;
    w.x = (struct slice){"", 0};
    return found || match_absolute(s) ? found : find(c, b, &w, NULL);
}

bool bundle_is_transaction(const struct check *c)
{
    return c->bundle->type == TRANSACTION;
}

static bool repeats_earlier(struct check *c, const struct bundle *b, uint32_t i)
{
    struct slice url = text_of(c, b->entry[i].url), version = version_of(c, &b->entry[i]), none = {"", 0};
    uint32_t hash = hash_of(none, url);
    for (uint32_t h = hash & b->mask; b->slot[h].key && --c->steps >= 0; h = (h + 1) & b->mask) {
        uint32_t other = b->slot[h].key / 2 - 1;
        if (other < i && b->slot[h].hash == hash && is_key(c, &b->entry[other], b->slot[h].key & 1, none, url) &&
            slice_eq(version_of(c, &b->entry[other]), version))
            return true;
    }
    return false;
}

uint32_t bundle_repeated(struct check *c)
{
    const struct bundle *b = c->bundle;
    for (uint32_t i = 1; i < b->entries && c->steps >= 0; i++)
        if (b->entry[i].url && repeats_earlier(c, b, i))
            return b->entry[i].url;
    return 0;
}

/* --- entries --- */

void bundle_entry_begin(struct check *c, uint32_t node)
{
    struct bundle *b = c->bundle;
    struct slice base, id;
    if (!b || !b->entries)
        return;
    while (b->at + 1 < b->entries && b->entry[b->at].node < node)
        b->at++;
    struct slice url = text_of(c, b->entry[b->at].url);
    bool server = slice_starts(url, "http://") || slice_starts(url, "https://");
    b->base = server && reference_type(url, &base, &id) ? base : (struct slice){"", 0};
}

/* The address names a type and an id, as a server's do: they are those of the resource. Two published examples of R4
 * differ here, so it is no error. */
static void check_address(struct check *c, const struct frame *up, const struct entry *e)
{
    struct frame f = {up, "fullUrl", 7, -1};
    struct slice base, id, type = text_of(c, e->type);
    const struct fhir_shape *s = c->bundle->base.n ? reference_type(text_of(c, e->url), &base, &id) : NULL;
    if (s && e->resource &&
        !(slice_eq(type, (struct slice){fhir_pool + s->name, s->len}) && e->id && slice_eq(text_of(c, e->id), id)))
        issue_add(c, FHIR_WARNING, "value", &f, check_off(c, e->url),
                  "found an address that ends in another type or id than the resource has, expected its own");
}

static void check_searched(struct check *c, const struct frame *up, const struct entry *e)
{
    struct frame f = {up, "resource", 8, -1};
    uint32_t mode = json_get_kind(c->j, json_get(c->j, e->node, "search"), "mode", JSON_STRING);
    bool outcome = e->type && json_is(c->j, e->type, "OperationOutcome");
    if (!mode || !e->resource || !json_get(c->j, e->node, "search"))
        return;
    if (json_is(c->j, mode, "outcome")) {
        if (!outcome)
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, e->resource),
                      "found another resource, expected an OperationOutcome: the entry's search mode is outcome");
        return;
    }
    const struct fhir_shape *s = e->type ? resource_shape(json_raw(c->j, e->type)) : NULL;
    const struct bundle *b = c->bundle;
    if (!e->id && !outcome)
        issue_add(c, FHIR_ERROR, "required", &f, check_off(c, e->resource),
                  "found no id, expected one: a server sends it with what a search has found");
    if (b->sought_known && s && json_is(c->j, mode, "match") && !(b->sought.bit[s->number / 64] >> s->number % 64 & 1))
        issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, e->resource),
                  "found a match of a type that was not searched for, by the link self, expected one that was");
}

void bundle_entry_end(struct check *c, const struct frame *f, uint32_t node)
{
    struct bundle *b = c->bundle;
    if (!b || !b->entries || b->entry[b->at].node != node)
        return;
    const struct entry *e = &b->entry[b->at];
    if (e->url)
        check_address(c, f, e);
    else if (b->type == DOCUMENT || b->type == MESSAGE)
        issue_add(c, FHIR_ERROR, "required", f, check_off(c, node),
                  "found nothing, expected fullUrl: references in a %s lead to it",
                  b->type == DOCUMENT ? "document" : "message");
    if (b->type == SEARCHSET)
        check_searched(c, f, e);
    if (c->one_subject && e->type && json_is(c->j, e->type, "Patient")) {
        struct frame g = {f, "resource", 8, -1};
        bundle_subject(c, &g, e->resource, (struct slice){"", 0}, e->resource);
    }
}

/* --- the Bundle itself --- */

/* Pages are of what was searched for, or of a history; and a relation that says where one is stands once. */
static void check_links(struct check *c, const struct frame *up, uint32_t list)
{
    static const char *const pages[] = {"self", "first", "previous", "next", "last"};
    const struct json *j = c->j;
    struct frame link = {up, "link", 4, 0}, f = {&link, "relation", 8, -1};
    const bool paged = c->bundle->type == SEARCHSET || c->bundle->type == HISTORY;
    unsigned seen = 0;
    for (uint32_t k = json_first(j, list); k != json_end(j, list); k = json_next(j, k), link.index++) {
        uint32_t relation = json_get_kind(j, k, "relation", JSON_STRING);
        unsigned i = 0;
        while (relation && i < COUNT(pages) && !json_is(j, relation, pages[i]))
            i++;
        if (!relation || i == COUNT(pages))
            continue;
        if (i && !paged)
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, relation),
                      "found a link to another page, expected none: only a searchset or a history has pages");
        else if (seen >> i & 1)
            issue_add(c, FHIR_ERROR, "business-rule", &f, check_off(c, relation),
                      "found a second link of this relation, expected one");
        seen |= 1u << i;
    }
}

void bundle_check(struct check *c, const struct frame *f, uint32_t node)
{
    const struct bundle *b = c->bundle;
    uint32_t links = json_get_kind(c->j, node, "link", JSON_ARRAY);
    if (!b) /* memory was out */
        return;
    if (links)
        check_links(c, f, links);
    if (!b->entries && (b->type == DOCUMENT || b->type == MESSAGE))
        issue_add(c, FHIR_ERROR, "required", f, check_off(c, node), "found no entry, expected a %s as the first",
                  b->type == DOCUMENT ? "Composition" : "MessageHeader");
}

/* --- references --- */

static bool is_one_of(const struct frame *f, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is((struct slice){f->name, f->len}, names[i]))
            return true;
    return false;
}

/* Elements of a document's Composition whose resources the document has. */
static const char *const composed[] = {"subject", "encounter", "author", "custodian",
                                       "party",   "detail",    "focus",  "entry"};
static const char *const sent[] = {"focus"};

void bundle_missing(struct check *c, const struct frame *f, uint32_t node, struct slice reference)
{
    const struct bundle *b = c->bundle;
    bool first = b->entries && b->at == 0 && c->scope.resource.node.value == b->entry[0].resource;
    const char *expected = NULL;
    if (first && b->type == DOCUMENT && is_one_of(f->up, composed, COUNT(composed)))
        expected = "a resource that the document brings along";
    else if (first && b->type == MESSAGE && is_one_of(f->up, sent, COUNT(sent)))
        expected = "a resource that the message brings along";
    if (expected || slice_starts(reference, "urn:"))
        issue_add(c, expected ? FHIR_ERROR : FHIR_WARNING, "not-found", f, check_off(c, node),
                  "found a reference to nothing in this Bundle, expected %s",
                  expected ? expected : "the fullUrl of an entry: a URN leads nowhere else");
}

void bundle_subject(struct check *c, const struct frame *f, uint32_t node, struct slice reference, uint32_t resource)
{
    struct bundle *b = c->bundle;
    struct slice base = match_absolute(reference) ? (struct slice){"", 0} : b->base;
    if (!b->about_known) {
        const char *at = arena_printf(c->arena, "%.*s%.*s", SLICE_FMT(base), SLICE_FMT(reference));
        c->failed |= !at;
        b->about_known = at;
        b->about = resource;
        b->about_at = at ? slice_of(at) : (struct slice){"", 0};
    } else if (resource != b->about || (!resource && !is_joined(b->about_at, base, reference))) {
        issue_add(c, FHIR_ERROR, "business-rule", f, check_off(c, node),
                  "found another patient than before, expected one for the whole Bundle");
    }
}
