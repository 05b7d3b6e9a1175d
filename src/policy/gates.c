/* gates.c -- the policy as the store's gates: which columns a role's statements may name, derived from what its views
 * show. */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "policy/policy.h"

struct table {
    const char *name, *keys;
    enum entity entity;
};
struct column {
    const char *table, *name, *fields;
};

static const struct table tables[] = {
#define TABLE(name, entity, keys) {#name, keys, ENTITY_##entity},
#define COLUMN(table, name, fields)
#include "policy/columns.def"
#undef TABLE
#undef COLUMN
};
static const struct column columns[] = {
#define TABLE(name, entity, keys)
#define COLUMN(table, name, fields) {#table, #name, fields},
#include "policy/columns.def"
#undef TABLE
#undef COLUMN
};

enum { TABLES = sizeof tables / sizeof tables[0], COLUMNS = sizeof columns / sizeof columns[0] };
static_assert((int)TABLES <= (int)GATE_GRANTS_MAX, "a gate has room for every table");

static struct gate gates[ROLE_COUNT];
/* The keys of each table, word by word. */
static char key_text[TABLES][128];
static const char *keys[TABLES][GATE_COLUMNS_MAX];

static void split_keys(int t)
{
    size_t at = 0;
    int n = 0;
    for (struct slice rest = slice_of(tables[t].keys); rest.n; n++) {
        struct slice word = slice_cut(&rest, ' ');
        assert(at + word.n < sizeof key_text[t] && n < GATE_COLUMNS_MAX - 1);
        keys[t][n] = memcpy(key_text[t] + at, word.p, word.n);
        at += word.n + 1; /* the text is all zeros before */
    }
}

/* Does the view show any of these fields? What the program notes for itself goes with any of them. */
static bool shows_any(enum view view, const char *fields)
{
    if (!*fields)
        return view != VIEW_NONE;
    for (struct slice rest = slice_of(fields); rest.n;)
        if (view_shows(view, slice_cut(&rest, ' ')))
            return view != VIEW_NONE;
    return false;
}

static void add(const char **list, const char *name)
{
    int n = 0;
    while (list[n])
        n++;
    assert(n < GATE_COLUMNS_MAX - 1);
    list[n] = name;
}

static void grant(struct gate *g, enum role role, int t)
{
    enum view view[ACTION_COUNT];
    bool any = false;
    for (int action = 0; action < ACTION_COUNT; action++) {
        view[action] = policy_view(role, tables[t].entity, (enum action)action);
        any |= view[action] != VIEW_NONE;
    }
    if (!any)
        return;
    struct gate_grant *to = &g->grant[g->grants++];
    *to = (struct gate_grant){.table = tables[t].name, .remove = view[ACTION_DELETE] != VIEW_NONE};
    for (int i = 0; keys[t][i]; i++) {
        add(to->read, keys[t][i]);
        if (view[ACTION_CREATE] != VIEW_NONE)
            add(to->insert, keys[t][i]);
    }
    for (int i = 0; i < COLUMNS; i++) {
        const struct column *c = &columns[i];
        if (strcmp(c->table, tables[t].name) != 0)
            continue;
        if (shows_any(view[ACTION_READ], c->fields))
            add(to->read, c->name);
        if (view[ACTION_CREATE] != VIEW_NONE)
            add(to->insert, c->name);
        if (shows_any(view[ACTION_UPDATE], c->fields))
            add(to->update, c->name);
    }
}

static void build(void)
{
    for (int t = 0; t < TABLES; t++)
        split_keys(t);
    for (int role = 0; role < ROLE_COUNT; role++) {
        gates[role].name = role_name((enum role)role);
        for (int t = 0; t < TABLES; t++)
            grant(&gates[role], (enum role)role, t);
    }
}

const struct gate *policy_gate(enum role role)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
    return gates[role].grants ? &gates[role] : NULL;
}

int policy_gates(const struct gate *ret[ROLE_COUNT])
{
    int n = 0;
    for (int role = 0; role < ROLE_COUNT; role++)
        if (policy_gate((enum role)role))
            ret[n++] = policy_gate((enum role)role);
    return n;
}
