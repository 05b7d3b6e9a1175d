#include <stdio.h>

#include "base/clock.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "crypto/digest.h"
#include "identity/program.h"

const struct option client_options[] = {{"webhook", "ORIGIN", "https://host[:port] that results may be delivered to"},
                                        {0}};
const struct option keys_options[] = {
    {"jwks", "FILE", "a JWKS: RSA keys of 2048 bits at least, or keys on P-256 or P-384"},
    {"jwks-url", "URL", "where the program publishes it"},
    {"remove", NULL, "register none"},
    {0}};
const struct option cert_options[] = {{"file", "FILE", "the certificate, in PEM"},
                                      {"subject", NULL, "any certificate of its subject, not this one alone"},
                                      {"remove", NULL, "this one registers no longer; without --file, none"},
                                      {0}};
const struct option limit_options[] = {
    {"rate", "N", "requests a second; 0: any number"}, {"burst", "N", "requests at once"}, {0}};

/* null: as the settings say. */
static void put_limit(struct json_out *out, const char *name, int64_t n)
{
    if (n >= 0) {
        json_pair_int(out, name, n);
        return;
    }
    json_key(out, name);
    json_put_null(out);
}

int admin_client_add(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct client_secrets secrets;
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    struct slice origin = json_get_text(args, 0, "webhook", a);
    char *webhook = origin.p ? arena_str(a, origin) : NULL;
    if (!name || (origin.p && !webhook))
        return err_set(e, ERR_NO_MEMORY, "add a client");
    if (strcmp(name, "operator") == 0 || strcmp(name, "worker") == 0 || strcmp(name, "deliver") == 0)
        return err_set(e, ERR_USAGE, "%s is a name of Lazaret's own: choose another one", name);
    struct audit_entry audit = app_operator("create", "lazaret client add");
    if (client_add(app->api.db, app->api.keyring, app->api.scope, name, webhook, &audit, a, &secrets, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "client", name);
    json_pair_str(out, "api_key", secrets.api_key);
    json_pair_str(out, "webhook_secret", secrets.webhook_secret);
    json_close(out, '}');
    return 0;
}

/* Its key was thrown away, so that nobody calls by it. */
static int not_operator(const char *name, struct err *e)
{
    return strcmp(name, "operator") == 0 ? err_set(e, ERR_NOT_FOUND, "there is no client named %s", name) : 0;
}

int admin_client_rotate(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    const char *key;
    if (!name)
        return err_set(e, ERR_NO_MEMORY, "rotate a key");
    if (not_operator(name, e))
        return -1;
    struct audit_entry audit = app_operator("update", "lazaret client rotate");
    if (client_rotate(app->api.db, app->api.scope, name, &audit, a, &key, e))
        return -1;
    known_forget(app->api.known);
    json_open(out, '{');
    json_pair_str(out, "client", name);
    json_pair_str(out, "api_key", key);
    json_close(out, '}');
    return 0;
}

/* -1: not given. */
static int take_number(const struct json *args, const char *name, int64_t least, struct arena *a, int64_t *ret,
                       struct err *e)
{
    struct slice text = json_get_text(args, 0, name, a);
    *ret = -1;
    if (!text.p || slice_int(text, least, 1000000, ret))
        return 0;
    return err_set(e, ERR_USAGE, "--%s is a number from %lld to 1000000", name, (long long)least);
}

int admin_client_limit(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    int64_t rate, burst;
    if (!name)
        return err_set(e, ERR_NO_MEMORY, "limit a client");
    if (take_number(args, "rate", 0, a, &rate, e) || take_number(args, "burst", 1, a, &burst, e))
        return -1;
    if (arena_failed(a)) /* an option that got lost would be one not given */
        return err_set(e, ERR_NO_MEMORY, "limit a client");
    struct audit_entry audit = app_operator("update", "lazaret client limit");
    if (client_limit(app->api.db, app->api.scope, name, rate, burst, &audit, a, e))
        return -1;
    known_forget(app->api.known);
    json_open(out, '{');
    json_pair_str(out, "client", name);
    put_limit(out, "rate", rate);
    put_limit(out, "burst", burst);
    json_close(out, '}');
    return 0;
}

int admin_client_keys(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct slice jwks = json_get_text(args, 0, "jwks", a), url = json_get_text(args, 0, "url", a);
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    const char *set = jwks.p ? arena_str(a, jwks) : NULL, *from = url.p ? arena_str(a, url) : NULL;
    bool plain = strcmp(app->config->program_http, "on") == 0;
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "keys of a client");
    if ((set && strlen(set) != jwks.n) || (from && strlen(from) != url.n))
        return err_set(e, ERR_USAGE, "a key set and its URL have no NUL in them");
    struct audit_entry audit = app_operator("update", "lazaret client keys");
    if (not_operator(name, e) || program_keys(app->api.db, app->api.scope, name, set, from, plain, &audit, a, e))
        return -1;
    known_forget(app->api.known);
    json_open(out, '{');
    json_pair_str(out, "client", name);
    json_pair_str(out, "keys", set ? "registered" : from ? "fetched" : "none");
    json_close(out, '}');
    return 0;
}

int admin_client_cert(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    struct slice pem = json_get_text(args, 0, "pem", a);
    bool remove = json_get(args, 0, "remove"), by_subject = json_get(args, 0, "subject");
    struct program_cert cert = {.until_us = 0};
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "a client's certificate");
    if (!pem.p && !remove)
        return err_set(e, ERR_USAGE, "there is no certificate to register");
    if (not_operator(name, e) || (pem.p && program_cert_read(pem, by_subject, &cert, e)))
        return -1;
    struct audit_entry audit = app_operator("update", "lazaret client cert");
    if (remove ? program_cert_remove(app->api.db, app->api.scope, name, pem.p ? &cert : NULL, by_subject, &audit, a, e)
               : program_cert_add(app->api.db, app->api.scope, name, &cert, by_subject, &audit, a, e))
        return -1;
    known_forget(app->api.known);
    json_open(out, '{');
    json_pair_str(out, "client", name);
    json_pair_str(out, "subject", pem.p ? cert.subject : NULL);
    json_pair_bool(out, "registered", !remove);
    json_close(out, '}');
    return 0;
}

/* How it may sign in, beside its API key: "keys": the kids, or a URL; "certificates". */
static void put_keys(struct json_out *out, const struct val *v, struct arena *a)
{
    struct json j;
    struct json_fault f;
    json_pair_str(out, "jwks_url", v[7].kind == VAL_NULL ? NULL : v[7].s.p);
    json_key(out, "keys");
    json_open(out, '[');
    uint32_t keys =
        v[6].kind != VAL_NULL && !json_parse(a, v[6].s, &j, &f) ? json_get_kind(&j, 0, "keys", JSON_ARRAY) : 0;
    for (uint32_t k = keys ? json_first(&j, keys) : 0; keys && k != json_end(&j, keys); k = json_next(&j, k))
        json_put(out, json_get_text(&j, k, "kid", a));
    json_close(out, ']');
}

static void put_certs(struct json_out *out, const struct val *client, const struct rows *certs)
{
    char when[CLOCK_TEXT], text[SHA256_TEXT];
    json_key(out, "certificates");
    json_open(out, '[');
    for (int i = 0; i < certs->n; i++) {
        const struct val *v = row_at(certs, i, 0);
        if (!slice_eq(v[0].s, client->s))
            continue;
        json_open(out, '{');
        json_pair(out, "by", v[1].s);
        json_pair_str(out, "sha256", sha256_text((const uint8_t *)v[2].s.p, text));
        json_pair(out, "subject", v[3].s);
        json_pair_str(out, "until", clock_text(v[4].i, when));
        json_close(out, '}');
    }
    json_close(out, ']');
}

int admin_client_list(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r, certs;
    char when[CLOCK_TEXT];
    (void)args;
    if (client_list(app->api.db, app->api.scope, a, &r, e) ||
        program_cert_list(app->api.db, app->api.scope, a, &certs, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++) {
        const struct val *v = row_at(&r, i, 0);
        json_open(out, '{');
        json_pair(out, "client", v[0].s);
        json_pair_str(out, "webhook", v[1].kind == VAL_NULL ? NULL : v[1].s.p);
        json_pair_str(out, "created_at", clock_text(v[2].i, when));
        json_pair_bool(out, "enabled", v[3].kind == VAL_NULL);
        put_limit(out, "rate", v[4].kind == VAL_NULL ? -1 : v[4].i);
        put_limit(out, "burst", v[5].kind == VAL_NULL ? -1 : v[5].i);
        put_keys(out, v, a);
        put_certs(out, &v[8], &certs);
        json_close(out, '}');
    }
    json_close(out, ']');
    return 0;
}

int cmd_client_add(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "client.add", call_args(c, "name", c->operand[0], "webhook", call_option(c, "webhook"), NULL), &r,
                   e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice key = json_get_text(&j, 0, "api_key", c->arena),
                 secret = json_get_text(&j, 0, "webhook_secret", c->arena);
    printf("client %s is registered. These are shown once:\n  API key         %.*s\n  webhook secret  %.*s\n",
           c->operand[0], SLICE_FMT(key), SLICE_FMT(secret));
    return 0;
}

int cmd_client_rotate(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "client.rotate", call_args(c, "name", c->operand[0], NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice key = json_get_text(&j, 0, "api_key", c->arena);
    printf("the new API key of %s, shown once:\n  %.*s\nthe old one no longer works.\n", c->operand[0], SLICE_FMT(key));
    return 0;
}

int cmd_client_limit(struct call *c, struct err *e)
{
    struct slice r;
    const char *rate = call_option(c, "rate"), *burst = call_option(c, "burst");
    if (admin_call(c, "client.limit", call_args(c, "name", c->operand[0], "rate", rate, "burst", burst, NULL), &r, e))
        return -1;
    if (c->json)
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("%s may send %s requests a second, %s at once\n", c->operand[0], rate ? rate : "the settings' number of",
           burst ? burst : "as many as they say");
    return 0;
}

int cmd_client_keys(struct call *c, struct err *e)
{
    struct slice r, text;
    const char *file = call_option(c, "jwks"), *url = call_option(c, "jwks-url"), *set = NULL;
    if (!!file + !!url + !!call_option(c, "remove") != 1)
        return err_set(e, ERR_USAGE, "give one of --jwks FILE, --jwks-url URL and --remove");
    if (file && call_read(c, file, KEYSET_MAX, &text, e))
        return -1;
    if (file && !(set = arena_str(c->arena, text)))
        return err_set(e, ERR_NO_MEMORY, "a key set");
    if (admin_call(c, "client.keys", call_args(c, "name", c->operand[0], "jwks", set, "url", url, NULL), &r, e))
        return -1;
    if (c->json)
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf(file || url ? "%s signs in at /auth/token by these keys\n" : "%s has no keys any more\n", c->operand[0]);
    return 0;
}

int cmd_client_cert(struct call *c, struct err *e)
{
    struct slice r, text;
    struct json j;
    struct json_fault f;
    const char *file = call_option(c, "file"), *remove = call_option(c, "remove"), *pem = NULL;
    if (!file && !remove)
        return err_set(e, ERR_USAGE, "give --file FILE, or --remove");
    if (file && call_read(c, file, CERT_PEM_MAX, &text, e))
        return -1;
    if (file && !(pem = arena_str(c->arena, text)))
        return err_set(e, ERR_NO_MEMORY, "a certificate");
    if (admin_call(c, "client.cert",
                   call_args(c, "name", c->operand[0], "pem", pem, "subject", call_option(c, "subject"), "remove",
                             remove, NULL),
                   &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice subject = json_get_text(&j, 0, "subject", c->arena);
    if (remove)
        printf("%s signs in by %s no longer\n", c->operand[0], file ? "it" : "certificates");
    else
        printf("%s signs in by %s %.*s\n", c->operand[0],
               call_option(c, "subject") ? "any certificate of" : "the certificate of", SLICE_FMT(subject));
    return 0;
}

int cmd_client_list(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "client.list", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k)) {
        struct slice name = json_get_text(&j, k, "client", c->arena), hook = json_get_text(&j, k, "webhook", c->arena);
        struct slice since = json_get_text(&j, k, "created_at", c->arena);
        struct slice url = json_get_text(&j, k, "jwks_url", c->arena);
        uint32_t keys = json_get_kind(&j, k, "keys", JSON_ARRAY),
                 certs = json_get_kind(&j, k, "certificates", JSON_ARRAY);
        bool own = url.p || (keys && json_first(&j, keys) != json_end(&j, keys)),
             cert = certs && json_first(&j, certs) != json_end(&j, certs);
        printf("%-24.*s since %.10s  %s%.*s%s%s\n", SLICE_FMT(name), since.p, hook.p ? "webhooks to " : "no webhooks",
               SLICE_FMT(hook), own ? ", keys of its own" : "", cert ? ", certificates" : "");
    }
    return 0;
}
