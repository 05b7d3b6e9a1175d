/* about.c -- whom a candidate's inputs are about, and which resources of the Bundle they were read from. */
#include "negotiate/negotiate_int.h"

struct about {
    const struct json *doc;
    struct arena *arena;
    uint32_t *entry; /* the Bundle's entries; of one that was told 0: each once. NULL: memory is out */
    uint32_t n;
};

/* A mean may be of thousands of samples, so that entries are found by their number, not looked for. */
static void read_entries(struct about *x, uint32_t bundle)
{
    uint32_t list = json_get_kind(x->doc, bundle, "entry", JSON_ARRAY);
    size_t most = list ? x->doc->node[list].len : 0;
    x->entry = arena_take(x->arena, (most + 1) * sizeof *x->entry);
    for (uint32_t k = list ? json_first(x->doc, list) : 0; x->entry && list && k != json_end(x->doc, list);
         k = json_next(x->doc, k))
        x->entry[x->n++] = k;
}

struct slice resource_name(const struct json *j, uint32_t entry, struct arena *a)
{
    uint32_t resource = json_get_kind(j, entry, "resource", JSON_OBJECT);
    struct slice id = resource ? json_get_text(j, resource, "id", a) : (struct slice){NULL, 0};
    if (!id.n)
        return json_get_text(j, entry, "fullUrl", a);
    return slice_of(
        arena_printf(a, "%.*s/%.*s", SLICE_FMT(json_get_text(j, resource, "resourceType", a)), SLICE_FMT(id)));
}

static void put_source(struct about *x, uint32_t nth, struct json_out *o)
{
    uint32_t entry = nth < x->n ? x->entry[nth] : 0;
    uint32_t resource = entry ? json_get_kind(x->doc, entry, "resource", JSON_OBJECT) : 0;
    if (entry)
        x->entry[nth] = 0;
    if (!resource)
        return;
    struct slice type = json_get_text(x->doc, resource, "resourceType", x->arena),
                 name = resource_name(x->doc, entry, x->arena);
    if (!name.n)
        return;
    json_open(o, '{');
    json_pair(o, "type", type);
    json_pair(o, "reference", name);
    json_close(o, '}');
}

static void put_sources(struct about *x, const struct outcome *out, struct json_out *o)
{
    put_source(x, out->seen.entry, o);
    for (size_t i = 0; i < out->others_n; i++)
        put_source(x, out->others[i], o);
}

void candidate_write_about(const struct candidate *c, const struct json *doc, uint32_t bundle, struct arena *a,
                           struct json_out *o)
{
    struct about x = {.doc = doc, .arena = a};
    read_entries(&x, bundle);
    json_open(o, '{');
    if (c->subject.n)
        json_pair(o, "subject", c->subject);
    json_key(o, "sources");
    json_open(o, '[');
    for (size_t i = 0; x.entry && i < c->model->inputs; i++)
        if (c->outcome[i].found && c->outcome[i].seen.path)
            put_sources(&x, &c->outcome[i], o);
    json_close(o, ']');
    json_close(o, '}');
}
