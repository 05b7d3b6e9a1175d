#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

static void put_model(struct json_out *o, const struct model *m)
{
    json_open(o, '{');
    json_pair(o, "key", m->manifest.key);
    json_pair(o, "version", m->manifest.version);
    json_pair_str(o, "digest", m->digest_text);
    json_pair(o, "title", m->manifest.title);
    json_pair_bool(o, "stable", m->stable);
    json_key(o, "targets");
    json_open(o, '[');
    for (size_t i = 0; i < m->manifest.targets_n; i++)
        json_put(o, m->manifest.targets[i]);
    json_close(o, ']');
    json_key(o, "inputs");
    json_open(o, '[');
    for (size_t i = 0; i < m->manifest.inputs; i++)
        json_put(o, m->manifest.input[i].name);
    json_close(o, ']');
    json_close(o, '}');
}

int admin_model_list(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    const struct model *list[REGISTRY_MODELS];
    int n = registry_all(app->api.registry, list, REGISTRY_MODELS);
    (void)args, (void)a, (void)e;
    json_open(out, '[');
    for (int i = 0; i < n; i++)
        put_model(out, list[i]);
    json_close(out, ']');
    return 0;
}

int admin_model_add(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    const struct model *m;
    char *path = arena_str(a, json_get_text(args, 0, "path", a));
    if (!path)
        return err_set(e, ERR_NO_MEMORY, "add a model");
    if (registry_add(app->api.registry, path, a, &m, e))
        return -1;
    put_model(out, m);
    return 0;
}

int admin_model_promote(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct slice version = json_get_text(args, 0, "model", a), alias = json_get_text(args, 0, "alias", a);
    struct slice key = slice_cut(&version, '@');
    if (!version.p)
        return err_set(e, ERR_USAGE, "say which version: KEY@VERSION");
    if (!slice_is(alias, "stable"))
        return err_set(e, ERR_USAGE, "the alias is: stable");
    if (registry_promote(app->api.registry, key, version, alias, e))
        return -1;
    json_open(out, '{');
    json_pair(out, "key", key);
    json_pair(out, "version", version);
    json_pair(out, "alias", alias);
    json_close(out, '}');
    return 0;
}

static void print_models(const struct json *j, struct arena *a)
{
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        struct slice key = json_get_text(j, k, "key", a), version = json_get_text(j, k, "version", a);
        struct slice digest = json_get_text(j, k, "digest", a), title = json_get_text(j, k, "title", a);
        uint32_t stable = json_get(j, k, "stable");
        printf("%.*s@%.*s%s  %.*s\n    %.*s\n    targets", SLICE_FMT(key), SLICE_FMT(version),
               json_kind(j, stable) == JSON_TRUE ? " (stable)" : "", SLICE_FMT(title), SLICE_FMT(digest));
        uint32_t list = json_get(j, k, "targets");
        for (uint32_t t = json_first(j, list); t != json_end(j, list); t = json_next(j, t))
            printf(" %.*s", SLICE_FMT(json_raw(j, t)));
        printf("; inputs");
        list = json_get(j, k, "inputs");
        for (uint32_t t = json_first(j, list); t != json_end(j, list); t = json_next(j, t))
            printf(" %.*s", SLICE_FMT(json_raw(j, t)));
        puts("");
    }
}

int cmd_model_list(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "model.list", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        printf("%.*s\n", SLICE_FMT(r));
    else
        print_models(&j, c->arena);
    return 0;
}

int cmd_model_add(struct call *c, struct err *e)
{
    struct slice r;
    OWN_MEM char *path = realpath(c->operand[0], NULL); /* the server has another working folder */
    if (!path)
        return err_sys(e, ERR_USAGE, "read %s", c->operand[0]);
    if (admin_call(c, "model.add", call_args(c, "path", path, NULL), &r, e))
        return -1;
    printf("%.*s\n", SLICE_FMT(r));
    return 0;
}

int cmd_model_promote(struct call *c, struct err *e)
{
    struct slice r;
    if (admin_call(c, "model.promote", call_args(c, "model", c->operand[0], "alias", c->operand[1], NULL), &r, e))
        return -1;
    if (c->json)
        printf("%.*s\n", SLICE_FMT(r));
    else
        printf("%s now stands for %s\n", c->operand[1], c->operand[0]);
    return 0;
}
