#include <stdio.h>

#include "base/clock.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

const struct option client_options[] = {{"webhook", "ORIGIN", "https://host[:port] that results may be delivered to"},
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

int admin_client_rotate(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    char *name = arena_str(a, json_get_text(args, 0, "name", a));
    const char *key;
    if (!name)
        return err_set(e, ERR_NO_MEMORY, "rotate a key");
    if (strcmp(name, "operator") == 0) /* its key was thrown away, so that nobody calls by it */
        return err_set(e, ERR_NOT_FOUND, "there is no client named %s", name);
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

int admin_client_list(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r;
    char when[CLOCK_TEXT];
    (void)args;
    if (client_list(app->api.db, app->api.scope, a, &r, e))
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
        printf("%-24.*s since %.10s  %s%.*s\n", SLICE_FMT(name), since.p, hook.p ? "webhooks to " : "no webhooks",
               SLICE_FMT(hook));
    }
    return 0;
}
