/* fhir_result.c -- the Bundle of a result: its findings (fhir_finding.c), the model as a Device, and the Provenance. */
#include <stdio.h>

#include "api/fhir_result_int.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "crypto/digest.h"
#include "negotiate/negotiate.h"

#define AI "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS"
static const struct slice none = {NULL, 0};

/* --- names --- */

/* A UUID of version 8 (RFC 9562): its other bits are a digest of what it stands for. */
static struct slice name_of(struct arena *a, struct slice seed, const char *word, size_t nth)
{
    uint8_t digest[SHA256_BYTES];
    char number[24], text[UUID_TEXT];
    snprintf(number, sizeof number, "/%zu", nth);
    const struct slice piece[] = {SLICE("lazaret.result/1/"), seed, slice_of(word), slice_of(number)};
    sha256_of(piece, COUNT(piece), digest);
    digest[6] = (uint8_t)((digest[6] & 0x0f) | 0x80);
    digest[8] = (uint8_t)((digest[8] & 0x3f) | 0x80);
    return slice_of(arena_printf(a, "urn:uuid:%s", uuid_text(digest, text)));
}

struct slice made_name(const struct made *x, const char *word, size_t nth)
{
    return name_of(x->arena, (struct slice){(const char *)x->r->id, UUID_BYTES}, word, nth);
}

/* --- what is stored --- */

/* The newest time among what the model was given; else when it was assessed. */
static struct slice newest(const struct made *x)
{
    uint32_t request = json_get_kind(&x->plan, 0, "request", JSON_OBJECT),
             inputs = request ? json_get_kind(&x->plan, request, "inputs", JSON_OBJECT) : 0;
    int64_t best = INT64_MIN, t;
    char text[CLOCK_TEXT];
    for (uint32_t k = inputs ? json_first(&x->plan, inputs) : 0; inputs && k != json_end(&x->plan, inputs);
         k = json_next(&x->plan, k))
        if (clock_parse(json_get_text(&x->plan, json_value(k), "t", x->arena), &t, NULL) && t > best)
            best = t;
    uint32_t decision = json_get_kind(&x->plan, 0, "decision", JSON_OBJECT);
    if (best == INT64_MIN && !(decision && clock_parse(json_get_text(&x->plan, decision, "at", x->arena), &best, NULL)))
        best = x->r->accepted_at;
    return arena_copy(x->arena, slice_of(clock_text(best, text)));
}

static int read_stored(struct made *x, struct err *e)
{
    struct json_fault f;
    char text[CLOCK_TEXT];
    if (json_parse(x->arena, x->r->output, &x->output, &f) || json_parse(x->arena, x->r->plan, &x->plan, &f))
        return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "a stored result or plan that is no JSON");
    uint32_t about = json_get_kind(&x->plan, 0, "about", JSON_OBJECT);
    if (about) {
        x->subject = json_get_text(&x->plan, about, "subject", x->arena);
        x->sources = json_get_kind(&x->plan, about, "sources", JSON_ARRAY);
    }
    x->of = newest(x);
    x->when = arena_copy(x->arena, slice_of(clock_text(x->r->ended_at, text)));
    x->device = name_of(x->arena, (struct slice){(const char *)x->r->model->digest, MODEL_DIGEST}, "device", 0).p;
    return arena_failed(x->arena) ? err_set(e, ERR_NO_MEMORY, "a result") : 0;
}

/* --- entries --- */

void made_open_entry(struct json_out *o, struct slice name, const char *type)
{
    json_open(o, '{');
    json_pair(o, "fullUrl", name);
    json_key(o, "resource");
    json_open(o, '{');
    json_pair_str(o, "resourceType", type);
}

void made_close_entry(struct json_out *o)
{
    json_close(o, '}');
    json_close(o, '}');
}

/* Where a model measures from: an Observation is derived from nothing but these. */
static bool is_measured(struct slice type)
{
    return slice_is(type, "Observation") || slice_is(type, "QuestionnaireResponse");
}

static void put_source(struct json_out *o, const struct made *x, uint32_t source)
{
    json_pair(o, "reference", json_get_text(&x->plan, source, "reference", x->arena));
    json_pair(o, "type", json_get_text(&x->plan, source, "type", x->arena));
}

void made_put_sources(struct json_out *o, const struct made *x, const char *key, bool measured)
{
    bool any = false;
    for (uint32_t k = x->sources ? json_first(&x->plan, x->sources) : 0;
         x->sources && k != json_end(&x->plan, x->sources); k = json_next(&x->plan, k)) {
        if (measured && !is_measured(json_get_text(&x->plan, k, "type", x->arena)))
            continue;
        if (!any) {
            json_key(o, key);
            json_open(o, '[');
        }
        any = true;
        json_open(o, '{');
        put_source(o, x, k);
        json_close(o, '}');
    }
    if (any)
        json_close(o, ']');
}

static void put_ai(struct json_out *o, const char *key)
{
    fhir_put_concept(o, key, SLICE(AI), SLICE("Artificial-Intelligence"), none, none);
}

static void put_device(struct json_out *o, const struct made *x)
{
    made_open_entry(o, slice_of(x->device), "Device");
    json_key(o, "identifier");
    json_open(o, '[');
    fhir_put_identifier(o, NULL, FHIR_OURS "identifier:model-digest", slice_of(x->r->model->digest_text));
    json_close(o, ']');
    json_pair_str(o, "status", "active");
    json_key(o, "deviceName");
    json_open(o, '[');
    json_open(o, '{');
    json_pair(o, "name", x->m->key);
    json_pair_str(o, "type", "model-name");
    json_close(o, '}');
    json_open(o, '{');
    json_pair(o, "name", x->m->title);
    json_pair_str(o, "type", "user-friendly-name");
    json_close(o, '}');
    json_close(o, ']');
    put_ai(o, "type");
    json_key(o, "version");
    json_open(o, '[');
    json_open(o, '{');
    json_pair(o, "value", x->m->version);
    json_close(o, '}');
    json_close(o, ']');
    made_close_entry(o);
}

/* --- provenance --- */

static void put_agent(struct json_out *o, const struct made *x)
{
    json_key(o, "agent");
    json_open(o, '[');
    json_open(o, '{');
    fhir_put_concept(o, "type", SLICE(FHIR_HL7 "provenance-participant-type"), SLICE("performer"), none, none);
    json_key(o, "role");
    json_open(o, '[');
    put_ai(o, NULL);
    json_close(o, ']');
    fhir_put_reference(o, "who", slice_of(x->device));
    json_close(o, '}');
    json_close(o, ']');
}

static void open_entity(struct json_out *o, const char *role)
{
    json_open(o, '{');
    json_pair_str(o, "role", role);
    json_key(o, "what");
    json_open(o, '{');
}

static void close_entity(struct json_out *o)
{
    json_close(o, '}');
    json_close(o, '}');
}

/* What was read, the request it was sent with, and the card of the model. */
static void put_entities(struct json_out *o, const struct made *x)
{
    char id[UUID_TEXT];
    json_key(o, "entity");
    json_open(o, '[');
    for (uint32_t k = x->sources ? json_first(&x->plan, x->sources) : 0;
         x->sources && k != json_end(&x->plan, x->sources); k = json_next(&x->plan, k)) {
        open_entity(o, "source");
        put_source(o, x, k);
        close_entity(o);
    }
    open_entity(o, "source");
    fhir_put_identifier(o, "identifier", FHIR_OURS RESULT_JOB, slice_of(uuid_text(x->r->id, id)));
    close_entity(o);
    open_entity(o, "derivation");
    json_pair_str(o, "display",
                  arena_printf(x->arena, "model card %.*s %.*s", SLICE_FMT(x->m->key), SLICE_FMT(x->m->version)));
    close_entity(o);
    json_close(o, ']');
}

static void put_provenance(struct json_out *o, const struct made *x)
{
    char start[CLOCK_TEXT];
    made_open_entry(o, made_name(x, "provenance", 0), "Provenance");
    json_key(o, "target");
    json_open(o, '[');
    for (size_t i = 0; i < finding_count(x); i++)
        fhir_put_reference(o, NULL, finding_name(x, i));
    json_close(o, ']');
    json_key(o, "occurredPeriod");
    json_open(o, '{');
    json_pair_str(o, "start", clock_text(x->r->accepted_at, start));
    json_pair(o, "end", x->when);
    json_close(o, '}');
    json_pair(o, "recorded", x->when);
    json_key(o, "reason");
    json_open(o, '[');
    fhir_put_concept(o, NULL, SLICE(FHIR_HL7 "v3-ObservationValue"), SLICE(RESULT_LABEL), none, none);
    json_close(o, ']');
    put_agent(o, x);
    put_entities(o, x);
    made_close_entry(o);
}

int fhir_result_put(struct json_out *o, const struct fhir_result *r, struct arena *a, struct err *e)
{
    struct made x = {.r = r, .m = &r->model->manifest, .arena = a};
    char id[UUID_TEXT];
    if (read_stored(&x, e))
        return -1;
    json_open(o, '{');
    json_pair_str(o, "resourceType", "Bundle");
    fhir_put_identifier(o, "identifier", FHIR_OURS RESULT_JOB, slice_of(uuid_text(r->id, id)));
    json_pair_str(o, "type", "collection");
    json_pair(o, "timestamp", x.when);
    json_key(o, "entry");
    json_open(o, '[');
    finding_put_all(o, &x);
    put_device(o, &x);
    put_provenance(o, &x);
    json_close(o, ']');
    json_close(o, '}');
    return buf_failed(o->buf) || arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "a result as FHIR") : 0;
}
