/* check.c -- do the policy's tables say what they are meant to?
 *
 * The heart is a closure. Take everything that a set of roles may read. Each kind of key is a node; a record that is
 * found by several keys joins them. What hangs on the nodes of one part can be put together by whoever holds those
 * roles, whichever way they go about it. Pseudonyms do not help against that: a person with two roles sees the same
 * house under two names and can tell by its tickets that it is one. Only what was given out under a project's
 * pseudonyms leads nowhere else. What is seen of the one person whom the glass was broken for is known to be theirs,
 * whatever key it is found by. */
#include <string.h>

#include "policy/policy.h"

enum tells { TELLS_NOTHING, TELLS_NAME, TELLS_ADDRESS, TELLS_HEALTH, TELLS_STREAMS, TELLS_COUNT };
static const char *const told[] = {"nothing", "names", "addresses", "health", "streams"};

enum key_kind { KEY_PERSON, KEY_HOME, KEY_HOUSE_NICK, KEY_DATA_NICK, KEY_STREAM, KEY_COUNT };
#define KEY(kind) (1u << KEY_##kind)

static const struct {
    enum tells tells;
    unsigned keys;
    const char *fields;
} entities[ENTITY_COUNT] = {
#define ENTITY(name, noun, tells, keys, fields) [ENTITY_##name] = {TELLS_##tells, keys, fields},
#include "policy/entities.def"
#undef ENTITY
};

static const struct {
    enum role role;
    enum tells identifying, sensitive;
} joins[] = {
#define ROLE(name, kind, text, aliases, who)
#define APART(a, b, why)
#define JOINS(role, identifying, sensitive) {ROLE_##role, TELLS_##identifying, TELLS_##sensitive},
#include "policy/roles.def"
#undef ROLE
#undef APART
#undef JOINS
};

/* A node for each kind of key, and one more for each under each role's export pseudonyms. */
enum { NODES = KEY_COUNT * (1 + ROLE_COUNT) };
struct closure {
    unsigned char part[NODES];  /* nodes of one number are joined */
    unsigned char tells[NODES]; /* a bit for each enum tells, by node */
};

static void join(struct closure *c, int a, int b)
{
    unsigned char from = c->part[b], to = c->part[a];
    for (int i = 0; i < NODES; i++)
        if (c->part[i] == from)
            c->part[i] = to;
}

static void add_entity(struct closure *c, enum role role, int entity)
{
    const struct view_row *v = view_row(policy_view(role, (enum entity)entity, ACTION_READ));
    if (!v || v->reach == REACH_OWN)
        return;
    int base = v->as == AS_EXPORT ? KEY_COUNT * (1 + (int)role) : 0, first = v->reach == REACH_ONE ? KEY_PERSON : -1;
    for (int k = 0; k < KEY_COUNT; k++) {
        if (!(entities[entity].keys & 1u << k))
            continue;
        c->tells[base + k] |= (unsigned char)(1u << entities[entity].tells);
        if (first >= 0)
            join(c, first, base + k);
        else
            first = base + k;
    }
}

static struct closure closure_of(unsigned held)
{
    struct closure c = {0};
    for (int i = 0; i < NODES; i++)
        c.part[i] = (unsigned char)i;
    for (int role = 0; role < ROLE_COUNT; role++)
        for (int entity = 0; entity < ENTITY_COUNT && held & 1u << role; entity++)
            add_entity(&c, (enum role)role, entity);
    return c;
}

static bool may_join(unsigned held, enum tells identifying, enum tells sensitive)
{
    for (size_t i = 0; i < sizeof joins / sizeof joins[0]; i++)
        if (held & 1u << joins[i].role && joins[i].identifying == identifying && joins[i].sensitive == sensitive)
            return true;
    return false;
}

/* What one part tells, as bits. */
static unsigned part_tells(const struct closure *c, int part)
{
    unsigned all = 0;
    for (int i = 0; i < NODES; i++)
        if (c->part[i] == part)
            all |= c->tells[i];
    return all;
}

static void tell_roles(unsigned held, struct buf *out)
{
    const char *between = "";
    for (int role = 0; role < ROLE_COUNT; role++)
        if (held & 1u << role) {
            buf_printf(out, "%s%s", between, role_name((enum role)role));
            between = " and ";
        }
}

static int check_part(unsigned held, unsigned tells, struct buf *out)
{
    int faults = 0;
    for (enum tells who = TELLS_NAME; who <= TELLS_ADDRESS; who++)
        for (enum tells what = TELLS_HEALTH; what <= TELLS_STREAMS; what++)
            if (tells & 1u << who && tells & 1u << what && !may_join(held, who, what)) {
                tell_roles(held, out);
                buf_printf(out, " can join %s with %s\n", told[who], told[what]);
                faults++;
            }
    return faults;
}

static int check_closure(unsigned held, struct buf *out)
{
    struct closure c = closure_of(held);
    int faults = 0;
    for (int part = 0; part < NODES; part++)
        faults += check_part(held, part_tells(&c, part), out);
    return faults;
}

/* EMERGENCY is entered by somebody who holds a role that may break the glass, so beside all they hold. */
static bool may_break_glass(unsigned held)
{
    for (int role = 0; role < ROLE_COUNT; role++)
        if (held & 1u << role && policy_view((enum role)role, ENTITY_BREAK_GLASS, ACTION_CREATE) != VIEW_NONE)
            return true;
    return false;
}

/* May one person hold them all? */
static bool holdable(unsigned held)
{
    const unsigned glass = 1u << ROLE_EMERGENCY;
    if (held & glass && held != glass)
        return may_break_glass(held) && holdable(held & ~glass);
    for (int a = 0; a < ROLE_COUNT; a++)
        for (int b = 0; b < a; b++)
            if (held & 1u << a && held & 1u << b &&
                (!role_is_staff((enum role)a) || !role_is_staff((enum role)b) ||
                 role_apart((enum role)a, (enum role)b)))
                return false;
    return held != 0;
}

/* Every word of `some` is one of `all`. */
static bool within(const char *some, const char *all)
{
    for (struct slice rest = slice_of(some); rest.n;) {
        struct slice word = slice_cut(&rest, ' ');
        bool found = false;
        for (struct slice left = slice_of(all); left.n && !found;)
            found = slice_eq(slice_cut(&left, ' '), word);
        if (!found)
            return false;
    }
    return true;
}

static bool is_used(enum view view)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        for (int role = 0; role < ROLE_COUNT; role++)
            if (policy_view((enum role)role, view_row(view)->entity, (enum action)action) == view)
                return true;
    return false;
}

/* Opened by the glass is one person, and nothing else sees that way. */
static int check_emergency(struct buf *out)
{
    int faults = 0;
    for (int role = 0; role < ROLE_COUNT; role++)
        for (int entity = 0; entity < ENTITY_COUNT; entity++)
            for (int action = 0; action < ACTION_COUNT; action++) {
                const struct view_row *v =
                    view_row(policy_view((enum role)role, (enum entity)entity, (enum action)action));
                if (!v || (v->reach == REACH_ONE) == (role == ROLE_EMERGENCY))
                    continue;
                buf_printf(out, "%s sees %s of %s by %s, which is not how one person is opened\n",
                           role_name((enum role)role), v->name, entity_name((enum entity)entity),
                           action_name((enum action)action));
                faults++;
            }
    return faults;
}

static int check_views(struct buf *out)
{
    int faults = 0;
    for (int i = 1; i < VIEW_COUNT; i++) {
        const struct view_row *v = view_row((enum view)i);
        const char *why = strcmp(v->fields, "*") != 0 && !within(v->fields, entities[v->entity].fields)
                              ? "names a field that its entity does not have"
                          : !is_used((enum view)i)    ? "is nobody's"
                          : v->consent && !v->purpose ? "asks for consent and says not for what"
                          : v->as == AS_EXPORT && (v->reach != REACH_COHORT || !v->consent)
                              ? "gives out what no project asked for, or without consent"
                              : NULL;
        if (why)
            buf_printf(out, "the view %s of %s %s\n", v->name, entity_name(v->entity), why);
        faults += why != NULL;
    }
    return faults;
}

/* A write tells what it wrote, so it may show no more than reading does. */
static bool write_shows_more(enum view write, enum view read)
{
    const struct view_row *w = view_row(write), *r = view_row(read);
    if (!w || (r && strcmp(r->fields, "*") == 0))
        return false;
    return !r || strcmp(w->fields, "*") == 0 || !within(w->fields, r->fields);
}

static int check_writes(struct buf *out)
{
    int faults = 0;
    for (int role = 0; role < ROLE_COUNT; role++)
        for (int entity = 0; entity < ENTITY_COUNT; entity++)
            for (int action = 0; action < ACTION_COUNT; action++) {
                enum view read = policy_view((enum role)role, (enum entity)entity, ACTION_READ);
                if (!write_shows_more(policy_view((enum role)role, (enum entity)entity, (enum action)action), read))
                    continue;
                buf_printf(out, "%s may %s %s and is shown more than it may read\n", role_name((enum role)role),
                           action_name((enum action)action), entity_name((enum entity)entity));
                faults++;
            }
    return faults;
}

void policy_tell_joins(enum role role, struct buf *out)
{
    struct closure c = closure_of(1u << role);
    const char *between = "";
    for (int part = 0; part < NODES; part++) {
        unsigned tells = part_tells(&c, part);
        for (enum tells t = TELLS_NAME; t < TELLS_COUNT; t++)
            if (tells & 1u << t) {
                buf_printf(out, "%s%s", between, told[t]);
                between = ", ";
            }
        if (*between)
            between = "; ";
    }
    if (!*between)
        buf_str(out, told[TELLS_NOTHING]);
}

int policy_check(struct buf *out)
{
    int faults = check_views(out) + check_writes(out) + check_emergency(out);
    for (unsigned held = 1; held < 1u << ROLE_COUNT; held++)
        if (holdable(held))
            faults += check_closure(held, out);
    return faults;
}
