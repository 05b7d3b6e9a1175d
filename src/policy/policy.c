#include "policy/policy.h"

#include <string.h>

enum kind { KIND_NOBODY, KIND_PROGRAM, KIND_LOCAL, KIND_GLASS, KIND_STAFF, KIND_SUBJECT };

static const struct {
    enum kind kind;
    const char *name, *aliases, *words;
} roles[ROLE_COUNT] = {
#define ROLE(name, kind, text, aliases, who) [ROLE_##name] = {KIND_##kind, text, aliases, who},
#define APART(a, b, why)
#define JOINS(role, identifying, sensitive)
#include "policy/roles.def"
#undef ROLE
#undef APART
#undef JOINS
};

static const struct {
    enum role a, b;
    const char *why;
} apart[] = {
#define ROLE(name, kind, text, aliases, who)
#define APART(a, b, why) {ROLE_##a, ROLE_##b, why},
#define JOINS(role, identifying, sensitive)
#include "policy/roles.def"
#undef ROLE
#undef APART
#undef JOINS
};

static const char *const nouns[ENTITY_COUNT] = {
#define ENTITY(name, noun, tells, keys, fields) [ENTITY_##name] = noun,
#include "policy/entities.def"
#undef ENTITY
};

static const char *const actions[ACTION_COUNT] = {"create", "read", "update", "delete"};

/* A purpose that is not one of these does not compile. */
#define PURPOSE_NONE    NULL
#define PURPOSE_TREAT   "TREAT"
#define PURPOSE_HOPERAT "HOPERAT"
#define PURPOSE_HRESCH  "HRESCH"
#define PURPOSE_ETREAT  "ETREAT"
#define PURPOSE_PATRQT  "PATRQT"
#define PURPOSE_BTG     "BTG"

enum { CONSENT_NOT_ASKED, CONSENT_NEEDED };

static const struct view_row views[VIEW_COUNT] = {
#define VIEW(entity, name, scope, as, consent, purpose, fields, words)                                                 \
    [VIEW_##entity##_##                                                                                                \
        name] = {ENTITY_##entity, #name, REACH_##scope, AS_##as, CONSENT_##consent, PURPOSE_##purpose, fields, words},
#include "policy/views.def"
#undef VIEW
};

static const unsigned char matrix[ENTITY_COUNT][ACTION_COUNT][ROLE_COUNT] = {
#define SEES(entity, action, anonymous, client, operator_, doctor, installer, monitor, researcher, auditor, admin,     \
             participant)                                                                                              \
    [ENTITY_##entity][ACTION_##action] = {                                                                             \
        [ROLE_ANONYMOUS] = VIEW_##entity##_##anonymous,   [ROLE_CLIENT] = VIEW_##entity##_##client,                    \
        [ROLE_OPERATOR] = VIEW_##entity##_##operator_,    [ROLE_DOCTOR] = VIEW_##entity##_##doctor,                    \
        [ROLE_INSTALLER] = VIEW_##entity##_##installer,   [ROLE_MONITOR] = VIEW_##entity##_##monitor,                  \
        [ROLE_RESEARCHER] = VIEW_##entity##_##researcher, [ROLE_AUDITOR] = VIEW_##entity##_##auditor,                  \
        [ROLE_ADMIN] = VIEW_##entity##_##admin,           [ROLE_PARTICIPANT] = VIEW_##entity##_##participant},
#include "policy/matrix.def"
#undef SEES
};

/* What breaking the glass opens, for reading. */
static const unsigned char emergency[ENTITY_COUNT] = {
#define OPENS(entity, view) [ENTITY_##entity] = VIEW_##entity##_##view,
#include "policy/emergency.def"
#undef OPENS
};

enum view policy_view(enum role role, enum entity entity, enum action action)
{
    if (role == ROLE_EMERGENCY)
        return action == ACTION_READ ? (enum view)emergency[entity] : VIEW_NONE;
    return (enum view)matrix[entity][action][role];
}

const struct view_row *view_row(enum view view)
{
    return view == VIEW_NONE ? NULL : &views[view];
}

/* Is `word` one of the words of `list`? */
static bool has_word(const char *list, struct slice word)
{
    for (struct slice rest = slice_of(list); rest.n;)
        if (slice_eq(slice_cut(&rest, ' '), word))
            return word.n > 0;
    return false;
}

bool view_shows(enum view view, struct slice field)
{
    const char *fields = view == VIEW_NONE ? "" : views[view].fields;
    return strcmp(fields, "*") == 0 || has_word(fields, field);
}

const char *role_name(enum role role)
{
    return roles[role].name;
}
const char *role_words(enum role role)
{
    return roles[role].words;
}
const char *entity_name(enum entity entity)
{
    return nouns[entity];
}
const char *action_name(enum action action)
{
    return actions[action];
}

const char *view_name(enum view view)
{
    static const char *const names[VIEW_COUNT] = {
        "NONE",
#define VIEW(entity, name, scope, as, consent, purpose, fields, words) #name,
#include "policy/views.def"
#undef VIEW
    };
    return names[view];
}

bool role_is_staff(enum role role)
{
    return roles[role].kind == KIND_STAFF;
}

bool role_named(struct slice text, enum role *ret)
{
    for (int i = 0; i < ROLE_COUNT; i++)
        if (roles[i].kind >= KIND_STAFF && (slice_is(text, roles[i].name) || has_word(roles[i].aliases, text)))
            return *ret = (enum role)i, true;
    return false;
}

const char *role_apart(enum role a, enum role b)
{
    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++)
        if ((apart[i].a == a && apart[i].b == b) || (apart[i].a == b && apart[i].b == a))
            return apart[i].why;
    return NULL;
}

/* "read, update" where the view is the same one */
static void tell_actions(enum role role, enum entity entity, enum view view, struct buf *out)
{
    const char *between = "";
    for (int action = 0; action < ACTION_COUNT; action++)
        if (policy_view(role, entity, (enum action)action) == view) {
            buf_printf(out, "%s%s", between, actions[action]);
            between = ", ";
        }
}

static void tell_view(enum role role, enum view view, struct buf *out)
{
    static const char *const as[] = {"", "; under this role's own pseudonyms", "; under pseudonyms of one project"};
    const struct view_row *v = &views[view];
    buf_printf(out, "  %-18s ", nouns[v->entity]);
    tell_actions(role, v->entity, view, out);
    buf_printf(out, ": %s%s%s", v->words, as[v->as], v->consent ? "; only with the person's consent" : "");
    if (strcmp(v->fields, "*") != 0)
        buf_printf(out, "; shows %s", *v->fields ? v->fields : "nothing else");
    buf_printf(out, "%s%s\n", v->purpose ? "; purpose " : "", v->purpose ? v->purpose : "");
}

static bool has_view(enum role role, enum view view)
{
    for (int action = 0; action < ACTION_COUNT; action++)
        if (policy_view(role, views[view].entity, (enum action)action) == view)
            return true;
    return false;
}

void policy_tell(enum role role, struct buf *out)
{
    buf_printf(out, "%s: %s. It may\n", roles[role].name, roles[role].words);
    for (int view = 1; view < VIEW_COUNT; view++)
        if (has_view(role, (enum view)view))
            tell_view(role, (enum view)view, out);
    buf_printf(out, "and nothing else. Of one person it can put together: ");
    policy_tell_joins(role, out);
    buf_printf(out, ".\n");
    for (int other = 0; other < ROLE_COUNT; other++)
        if (role_apart(role, (enum role)other))
            buf_printf(out, "Not together with %s: %s.\n", roles[other].name, role_apart(role, (enum role)other));
}
