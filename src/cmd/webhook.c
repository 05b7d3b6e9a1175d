/* webhook.c -- the operator's hand on webhooks: where they go, new secrets, and sending again. */
#include <stdio.h>

#include "base/clock.h"
#include "base/rnd.h"
#include "cmd/app.h"
#include "cmd/cmd.h"

const struct option webhook_list_options[] = {{"client", "NAME", "only those of this client"}, {0}};
const struct option webhook_rotate_options[] = {
    {"keep-hours", "N", "how long the old secret is valid, too (24; at most 168)"}, {0}};

/* Everybody's endpoints are the operator's. */
static struct caller operator_of(const struct app *app)
{
    struct caller c = {.role = ROLE_OPERATOR, .name = "operator"};
    memcpy(c.scope, app->api.scope, 16);
    return c;
}

static void put_endpoint(struct json_out *out, const struct val *v)
{
    char id[UUID_TEXT], when[CLOCK_TEXT];
    json_open(out, '{');
    json_pair(out, "client", v[0].s);
    json_pair_str(out, "endpoint_id", uuid_text((const uint8_t *)v[1].s.p, id));
    json_pair(out, "kind", v[2].s);
    json_pair(out, "url", v[3].s);
    json_pair(out, "payload", v[4].s);
    json_pair_str(out, "created_at", clock_text(v[5].i, when));
    json_pair_bool(out, "enabled", v[6].kind == VAL_NULL);
    json_pair_str(out, "disabled_why", v[6].kind == VAL_NULL ? NULL : v[6].s.p);
    json_pair_str(out, "failing_since", v[7].kind == VAL_NULL ? NULL : clock_text(v[7].i, when));
    json_pair_int(out, "waiting", v[8].i);
    json_close(out, '}');
}

int admin_webhook_list(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct rows r;
    struct slice name = json_get_text(args, 0, "client", a);
    const char *client = name.p ? arena_str(a, name) : NULL;
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "list webhooks");
    if (endpoint_all(app->api.db, app->api.scope, client, a, &r, e))
        return -1;
    json_open(out, '[');
    for (int i = 0; i < r.n; i++)
        if (row_at(&r, i, 3)->s.n) /* a client without an origin has the place for one */
            put_endpoint(out, row_at(&r, i, 0));
    json_close(out, ']');
    return 0;
}

static int change(struct app *app, const struct json *args, enum endpoint_change what, int64_t keep_us,
                  const char *route, struct arena *a, struct endpoint *ret, struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT];
    struct caller c = operator_of(app);
    struct audit_entry audit = app_operator("update", route);
    if (!uuid_parse(json_get_text(args, 0, "id", a), id))
        return err_set(e, ERR_USAGE, "an endpoint's id is a UUID; 'lazaret webhook list' has them");
    int found = endpoint_change(app->api.db, app->api.keyring, &c, id, what, keep_us, &audit, a, ret, e);
    return found < 0 ? -1 : found ? 0 : err_set(e, ERR_NOT_FOUND, "there is no endpoint %s", uuid_text(id, text));
}

int admin_webhook_rotate(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct endpoint x;
    int64_t hours = KEEP_HOURS;
    char id[UUID_TEXT], when[CLOCK_TEXT];
    struct slice keep = json_get_text(args, 0, "keep-hours", a);
    if (arena_failed(a))
        return err_set(e, ERR_NO_MEMORY, "rotate a webhook's secret");
    if (keep.p && !slice_int(keep, 0, KEEP_HOURS_MAX, &hours))
        return err_set(e, ERR_USAGE, "--keep-hours is a number from 0 to %d", KEEP_HOURS_MAX);
    if (change(app, args, ENDPOINT_ROTATE, hours * 3600 * 1000000, "lazaret webhook rotate", a, &x, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "endpoint_id", uuid_text(x.id, id));
    json_pair_str(out, "webhook_secret", x.secret);
    json_pair_str(out, "old_valid_until", clock_text(x.old_until, when));
    json_close(out, '}');
    return 0;
}

int admin_webhook_enable(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct endpoint x;
    char id[UUID_TEXT];
    if (change(app, args, ENDPOINT_ENABLE, 0, "lazaret webhook enable", a, &x, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "endpoint_id", uuid_text(x.id, id));
    json_pair_bool(out, "enabled", true);
    json_close(out, '}');
    return 0;
}

int admin_webhook_redeliver(struct app *app, const struct json *args, struct arena *a, struct json_out *out,
                            struct err *e)
{
    uint8_t id[UUID_BYTES];
    char text[UUID_TEXT];
    struct caller c = operator_of(app);
    struct audit_entry audit = app_operator("execute", "lazaret webhook redeliver");
    struct slice event = json_get_text(args, 0, "id", a);
    if (slice_starts(event, "msg_")) /* as the log and the receivers have it */
        event = (struct slice){event.p + 4, event.n - 4};
    if (!uuid_parse(event, id))
        return err_set(e, ERR_USAGE, "an event's id is a UUID; the log's 'event' and a receiver's webhook-id have it");
    int n = deliver_again(app->api.db, &c, id, &audit, e);
    if (n <= 0)
        return n < 0 ? -1
                     : err_set(e, ERR_NOT_FOUND, "there is no event %s that could be sent again", uuid_text(id, text));
    json_open(out, '{');
    json_pair_str(out, "event_id", uuid_text(id, text));
    json_pair_int(out, "endpoints", n);
    json_close(out, '}');
    return 0;
}

static void print_endpoint(const struct json *j, uint32_t k, struct arena *a)
{
    struct slice why = json_get_text(j, k, "disabled_why", a), since = json_get_text(j, k, "failing_since", a);
    printf("%.*s  %-16.*s %-4.*s  %.*s", SLICE_FMT(json_get_text(j, k, "endpoint_id", a)),
           SLICE_FMT(json_get_text(j, k, "client", a)), SLICE_FMT(json_get_text(j, k, "payload", a)),
           SLICE_FMT(json_get_text(j, k, "url", a)));
    if (why.p)
        printf("  disabled: %.*s", SLICE_FMT(why));
    else if (since.p)
        printf("  failing since %.*s", SLICE_FMT(since));
    printf("  %.*s waiting\n", SLICE_FMT(json_raw(j, json_get(j, k, "waiting"))));
}

int cmd_webhook_list(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "webhook.list", call_args(c, "client", call_option(c, "client"), NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    for (uint32_t k = json_first(&j, 0); k != json_end(&j, 0); k = json_next(&j, k))
        print_endpoint(&j, k, c->arena);
    return 0;
}

int cmd_webhook_rotate(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "webhook.rotate",
                   call_args(c, "id", c->operand[0], "keep-hours", call_option(c, "keep-hours"), NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("the new secret of endpoint %s, shown once:\n  %.*s\nthe old one is valid, too, until %.*s.\n",
           c->operand[0], SLICE_FMT(json_get_text(&j, 0, "webhook_secret", c->arena)),
           SLICE_FMT(json_get_text(&j, 0, "old_valid_until", c->arena)));
    return 0;
}

int cmd_webhook_enable(struct call *c, struct err *e)
{
    struct slice r;
    if (admin_call(c, "webhook.enable", call_args(c, "id", c->operand[0], NULL), &r, e))
        return -1;
    if (c->json)
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("endpoint %s is sent to again\n", c->operand[0]);
    return 0;
}

int cmd_webhook_redeliver(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, "webhook.redeliver", call_args(c, "id", c->operand[0], NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("event %s is sent again, to %.*s endpoints\n", c->operand[0],
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "endpoints"))));
    return 0;
}
