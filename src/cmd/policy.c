/* policy.c -- what the policy grants, in sentences, and whether its tables hold together. Needs no data folder. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "policy/policy.h"

const struct option policy_options[] = {
    {"as", "ROLE", "of this role alone"},
    {"sql", NULL, "the roles and grants that PostgreSQL gets, for an administrator who makes them by hand"},
    {0},
};

static int role_asked(const char *name, enum role *ret, struct err *e)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (strcmp(name, role_name((enum role)i)) == 0)
            return *ret = (enum role)i, 0;
    if (role_named(slice_of(name), ret))
        return 0;
    return err_set(e, ERR_USAGE, "no role '%s'; `lazaret policy` names them all", name);
}

static void put_view(struct json_out *o, enum role role, enum entity entity, enum action action)
{
    const struct view_row *v = view_row(policy_view(role, entity, action));
    if (!v)
        return;
    json_open(o, '{');
    json_pair_str(o, "entity", entity_name(entity));
    json_pair_str(o, "action", action_name(action));
    json_pair_str(o, "view", v->name);
    json_pair_str(o, "shows", v->words);
    json_pair_str(o, "fields", v->fields);
    if (v->purpose)
        json_pair_str(o, "purpose", v->purpose);
    json_pair_bool(o, "consent", v->consent);
    json_close(o, '}');
}

static void put_role(struct json_out *o, enum role role, struct arena *a)
{
    json_open(o, '{');
    json_pair_str(o, "role", role_name(role));
    json_pair_str(o, "who", role_words(role));
    json_key(o, "may");
    json_open(o, '[');
    for (int entity = 0; entity < ENTITY_COUNT; entity++)
        for (int action = 0; action < ACTION_COUNT; action++)
            put_view(o, role, (enum entity)entity, (enum action)action);
    json_close(o, ']');
    struct buf joins = buf_in(a, 4096);
    policy_tell_joins(role, &joins);
    json_pair(o, "joins", buf_text(&joins));
    json_key(o, "apart");
    json_open(o, '[');
    for (int other = 0; other < ROLE_COUNT; other++)
        if (role_apart(role, (enum role)other))
            json_put_str(o, role_name((enum role)other));
    json_close(o, ']');
    json_close(o, '}');
}

static int print_text(const struct buf *b, struct err *e)
{
    if (buf_failed(b))
        return err_set(e, ERR_NO_MEMORY, "the policy");
    printf("%.*s", SLICE_FMT(buf_text(b)));
    return 0;
}

static int print_gates(struct call *c, struct err *e)
{
    const struct gate *gate[ROLE_COUNT];
    struct buf b = buf_in(c->arena, 1 << 20);
    for (int i = 0, n = policy_gates(gate); i < n; i++)
        gate_sql(gate[i], &b);
    return print_text(&b, e);
}

int cmd_policy(struct call *c, struct err *e)
{
    if (call_option(c, "sql"))
        return print_gates(c, e);
    const char *as = call_option(c, "as");
    enum role first = 0, last = ROLE_COUNT - 1;
    struct buf b = buf_in(c->arena, 1 << 20);
    struct json_out o = json_out(&b);
    if (as && role_asked(as, &first, e))
        return -1;
    last = as ? first : last;
    if (c->json && !as)
        json_open(&o, '[');
    for (int role = (int)first; role <= (int)last; role++) {
        if (c->json)
            put_role(&o, (enum role)role, c->arena);
        else
            policy_tell((enum role)role, &b);
        if (!c->json && role < (int)last)
            buf_byte(&b, '\n');
    }
    if (c->json && !as)
        json_close(&o, ']');
    if (c->json)
        buf_byte(&b, '\n');
    return print_text(&b, e);
}

int cmd_policy_check(struct call *c, struct err *e)
{
    struct buf b = buf_in(c->arena, 1 << 20), text = buf_in(c->arena, 1 << 20);
    int faults = policy_check(&text);
    if (c->json) {
        struct json_out o = json_out(&b);
        json_open(&o, '{');
        json_pair_int(&o, "faults", faults);
        json_key(&o, "sentences");
        json_open(&o, '[');
        for (struct slice rest = buf_text(&text); rest.n;)
            json_put(&o, slice_cut(&rest, '\n'));
        json_close(&o, ']');
        json_close(&o, '}');
        buf_byte(&b, '\n');
    } else {
        for (int role = 0; role < ROLE_COUNT; role++) {
            buf_printf(&b, "%-12s can join ", role_name((enum role)role));
            policy_tell_joins((enum role)role, &b);
            buf_byte(&b, '\n');
        }
        buf_slice(&b, buf_text(&text));
        buf_printf(&b, "%s\n",
                   faults ? "the tables do not hold together"
                          : "no role, nor any roles one person may hold, can join who somebody is with what is to be "
                            "kept apart from it, but for those roles.def names; no write shows more than reading does");
    }
    return buf_failed(&text) || print_text(&b, e) ? -1 : faults > 0;
}
