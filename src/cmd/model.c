#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/kit.h"
#include "models/prove.h"
#include "models/trust.h"

const struct option add_options[] = {
    {"unsigned", NULL, "take it though nobody who is trusted has signed it (lazaret model signers)"}, {0}};
const struct option promote_options[] = {
    {"rank", "N", "where several models serve a target, the lowest goes first (100)"},
    {"unsigned", NULL, "promote it though nobody who is trusted has signed it"},
    {0}};

static void put_model(struct json_out *o, const struct model *m, const char *signer)
{
    json_open(o, '{');
    json_pair(o, "key", m->manifest.key);
    json_pair(o, "version", m->manifest.version);
    json_pair_str(o, "digest", m->digest_text);
    json_pair(o, "title", m->manifest.title);
    json_pair_bool(o, "stable", m->stable);
    if (m->stable)
        json_pair_int(o, "rank", m->rank);
    json_pair_str(o, "signed_by", signer);
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
    (void)args;
    json_open(out, '[');
    for (int i = 0; i < n; i++) {
        const char *signer;
        if (trust_signer(app->api.db, app->api.scope, list[i]->digest, a, &signer, e))
            return -1;
        put_model(out, list[i], signer);
    }
    json_close(out, ']');
    return 0;
}

static bool says_unsigned(const struct json *args)
{
    return json_kind(args, json_get(args, 0, "unsigned")) == JSON_STRING;
}

int admin_model_add(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    const struct model *m;
    const char *signer;
    char *path = arena_str(a, json_get_text(args, 0, "path", a));
    if (!path)
        return err_set(e, ERR_NO_MEMORY, "add a model");
    if (registry_add(app->api.registry, path, says_unsigned(args), a, &m, e) ||
        trust_signer(app->api.db, app->api.scope, m->digest, a, &signer, e))
        return -1;
    put_model(out, m, signer);
    return 0;
}

/* KEY@VERSION of the arguments. */
static const struct model *version_of(struct app *app, const struct json *args, struct arena *a, struct slice *ret_key,
                                      struct slice *ret_version, struct err *e)
{
    *ret_version = json_get_text(args, 0, "model", a);
    *ret_key = slice_cut(ret_version, '@');
    if (!ret_version->p) {
        err_set(e, ERR_USAGE, "say which version: KEY@VERSION");
        return NULL;
    }
    const struct model *m = registry_named(app->api.registry, *ret_key, *ret_version);
    if (!m)
        err_set(e, ERR_NOT_FOUND, "there is no %.*s@%.*s", SLICE_FMT(*ret_key), SLICE_FMT(*ret_version));
    return m;
}

static const struct audit_entry operator_tests = {
    .actor = "operator", .role = "operator", .action = "execute", .outcome = "permit", .route = "lazaret model test"};

int admin_model_test(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct slice key, version;
    struct proof p;
    const struct model *m = version_of(app, args, a, &key, &version, e);
    if (!m || model_prove(app->api.registry, app->sandbox, m, &operator_tests, a, &p, e))
        return -1;
    model_proof_write(out, m, &p);
    return 0;
}

int admin_model_promote(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct slice key, version, alias = json_get_text(args, 0, "alias", a);
    struct proof p;
    int64_t rank = 0;
    struct slice given = json_get_text(args, 0, "rank", a);
    if (given.p && !slice_int(given, 1, RANK_MAX, &rank))
        return err_set(e, ERR_USAGE, "--rank is a number from 1 to %d", RANK_MAX);
    if (!slice_is(alias, "stable"))
        return err_set(e, ERR_USAGE, "the alias is: stable");
    const struct model *m = version_of(app, args, a, &key, &version, e);
    if (m && trust_allows(app->api.db, app->api.scope, m->digest, says_unsigned(args), a, e))
        return err_in(e, "%.*s@%.*s", SLICE_FMT(key), SLICE_FMT(version));
    int proven = m ? model_proof(app->api.registry, m, a, &p, e) : -1;
    if (proven == 0 || (proven == 1 && p.failure)) /* a fault may have been the machine's */
        proven = model_prove(app->api.registry, app->sandbox, m, &operator_tests, a, &p, e) ? -1 : 1;
    if (proven < 0)
        return -1;
    if (p.failure)
        return err_set(e, ERR_CONFLICT, "%.*s@%.*s stays where it is, %d of %d self-tests passed: %s", SLICE_FMT(key),
                       SLICE_FMT(version), p.passed, p.total, p.failure);
    if (registry_promote(app->api.registry, key, version, alias, (int)rank, e))
        return -1;
    json_open(out, '{');
    json_pair(out, "key", key);
    json_pair(out, "version", version);
    json_pair(out, "alias", alias);
    json_pair_int(out, "selftests", p.total);
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
        struct slice signer = json_get_text(j, k, "signed_by", a);
        if (signer.p)
            printf("; signed by %.*s", SLICE_FMT(signer));
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
    struct json j;
    struct json_fault f;
    OWN_MEM char *path = realpath(c->operand[0], NULL); /* the server has another working folder */
    if (!path)
        return err_sys(e, ERR_USAGE, "read %s", c->operand[0]);
    if (admin_call(c, "model.add", call_args(c, "path", path, "unsigned", call_option(c, "unsigned"), NULL), &r, e))
        return -1;
    printf("%.*s\n", SLICE_FMT(r));
    if (!c->json && json_parse(c->arena, r, &j, &f) == 0 && !json_get_text(&j, 0, "signed_by", c->arena).p)
        fputs("nobody who is trusted has signed it: 'lazaret model trust --help'\n", stderr);
    return 0;
}

/* Work that runs a model: where no server has the folder, this process needs a sandbox. */
static int call_with_sandbox(struct call *c, const char *work, struct slice args, struct slice *ret, struct err *e)
{
    struct admin_session s;
    if (admin_session_begin(c, true, &s, e))
        return -1;
    int rc = admin_session_call(&s, work, args, ret, e);
    admin_session_end(&s);
    return rc;
}

int cmd_model_test(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (!strchr(c->operand[0], '@'))
        return kit_test(c, c->operand[0], e);
    if (call_with_sandbox(c, "model.test", call_args(c, "model", c->operand[0], NULL), &r, e))
        return -1;
    if (json_parse(c->arena, r, &j, &f))
        return err_set(e, ERR_NO_MEMORY, "the outcome");
    struct slice failure = json_get_text(&j, 0, "failure", c->arena);
    if (c->json)
        printf("%.*s\n", SLICE_FMT(r));
    else
        printf("%s: %.*s of %.*s self-tests passed\n%.*s%s", c->operand[0],
               SLICE_FMT(json_raw(&j, json_get(&j, 0, "passed"))), SLICE_FMT(json_raw(&j, json_get(&j, 0, "total"))),
               SLICE_FMT(failure), failure.n ? "\n" : "");
    return failure.n ? 1 : 0;
}

int cmd_model_promote(struct call *c, struct err *e)
{
    struct slice r;
    if (call_with_sandbox(c, "model.promote",
                          call_args(c, "model", c->operand[0], "alias", c->operand[1], "rank", call_option(c, "rank"),
                                    "unsigned", call_option(c, "unsigned"), NULL),
                          &r, e))
        return -1;
    if (c->json)
        printf("%.*s\n", SLICE_FMT(r));
    else
        printf("%s now stands for %s\n", c->operand[1], c->operand[0]);
    return 0;
}
