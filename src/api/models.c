/* models.c -- what models there are and what they need, for who sends data. */
#include "api/api_int.h"
#include "base/clock.h"
#include "base/json.h"
#include "models/prove.h"
#include "models/trust.h"

static void put_input(struct json_out *o, const struct input *in)
{
    json_open(o, '{');
    json_pair(o, "input", in->name);
    json_pair(o, "display", in->display);
    json_pair_bool(o, "required", in->required);
    if (in->unit.n)
        json_pair(o, "unit", in->unit);
    if (in->within.n)
        json_pair(o, "within", in->within);
    json_key(o, "codes");
    json_open(o, '[');
    for (size_t i = 0; i < in->codes; i++) {
        json_open(o, '{');
        json_pair(o, "system", in->code[i].code.system);
        json_pair(o, "code", in->code[i].code.code);
        json_pair(o, "display", in->code[i].code.display);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
}

static void put_proof(struct json_out *o, const struct proof *p)
{
    char when[CLOCK_TEXT];
    json_key(o, "selftest");
    if (!p)
        return json_put_null(o);
    json_open(o, '{');
    json_pair_int(o, "passed", p->passed);
    json_pair_int(o, "total", p->total);
    json_pair_str(o, "at", clock_text(p->at, when));
    json_close(o, '}');
}

static int put_version(struct json_out *o, struct api_request *q, const struct model *m, struct err *e)
{
    const struct manifest *f = &m->manifest;
    struct proof p;
    const char *signer;
    int proven = model_proof(q->api->registry, m, q->arena, &p, e);
    if (proven < 0 || trust_signer(q->api->db, q->api->scope, m->digest, q->arena, &signer, e))
        return -1;
    json_open(o, '{');
    json_pair(o, "key", f->key);
    json_pair(o, "version", f->version);
    json_pair_str(o, "digest", m->digest_text);
    json_pair(o, "title", f->title);
    json_pair(o, "license", f->license);
    json_pair(o, "intended_use", f->intended_use);
    json_key(o, "targets");
    json_open(o, '[');
    for (size_t i = 0; i < f->targets_n; i++)
        json_put(o, f->targets[i]);
    json_close(o, ']');
    json_pair_bool(o, "stable", m->stable);
    if (m->stable)
        json_pair_int(o, "rank", m->rank);
    json_pair_str(o, "signed_by", signer);
    put_proof(o, proven ? &p : NULL);
    json_key(o, "inputs");
    json_open(o, '[');
    for (size_t i = 0; i < f->inputs; i++)
        put_input(o, &f->input[i]);
    json_close(o, ']');
    json_close(o, '}');
    return 0;
}

int api_model_list(struct api_request *q, struct err *e)
{
    const struct model *list[REGISTRY_MODELS];
    int n = registry_all(q->api->registry, list, REGISTRY_MODELS);
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_key(&o, "models");
    json_open(&o, '[');
    for (int i = 0; i < n; i++)
        if (put_version(&o, q, list[i], e))
            return -1;
    json_close(&o, ']');
    json_close(&o, '}');
    return api_answer(q, 200, &b, e);
}

int api_model_get(struct api_request *q, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_MAX);
    struct json_out o = json_out(&b);
    const struct model *m = registry_named(q->api->registry, q->param[0], q->param[1]);
    if (!m)
        return err_set(e, ERR_NOT_FOUND, "no such version of a model");
    return put_version(&o, q, m, e) ? -1 : api_answer(q, 200, &b, e);
}
