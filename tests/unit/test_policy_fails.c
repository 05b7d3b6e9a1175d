/* policy_check finds what it is there to find: tables that are wrong in one place, told in one sentence. policy_view
 * and view_row are answered by the test for one cell; test_policy_mutants.sh changes the tables themselves. */
#include "fail.h"

#include "policy/policy.h"

FAIL_DEATHS

struct cell {
    enum role role;
    enum entity entity;
    enum action action;
    enum view view; /* VIEW_NONE in a row of a test: no such cell */
};
static struct cell cell[2] = {{.role = ROLE_COUNT}, {.role = ROLE_COUNT}};
static enum view other_view; /* VIEW_NONE: none */
static struct view_row other_row;

enum view __real_policy_view(enum role role, enum entity entity, enum action action);
enum view __wrap_policy_view(enum role role, enum entity entity, enum action action);
enum view __wrap_policy_view(enum role role, enum entity entity, enum action action)
{
    for (size_t i = 0; i < COUNT(cell); i++)
        if (role == cell[i].role && entity == cell[i].entity && action == cell[i].action)
            return cell[i].view;
    return __real_policy_view(role, entity, action);
}

const struct view_row *__real_view_row(enum view view);
const struct view_row *__wrap_view_row(enum view view);
const struct view_row *__wrap_view_row(enum view view)
{
    return view != VIEW_NONE && view == other_view ? &other_row : __real_view_row(view);
}

static bool not_apart; /* installers and monitors */
const char *__real_role_apart(enum role a, enum role b);
const char *__wrap_role_apart(enum role a, enum role b);
const char *__wrap_role_apart(enum role a, enum role b)
{
    bool those = (a == ROLE_INSTALLER && b == ROLE_MONITOR) || (a == ROLE_MONITOR && b == ROLE_INSTALLER);
    return not_apart && those ? NULL : __real_role_apart(a, b);
}

/* The faults there are, one a line. */
static int faults(struct arena *a, struct slice *ret)
{
    struct buf b = buf_in(a, 1 << 20);
    int n = policy_check(&b);
    cell[0].role = cell[1].role = ROLE_COUNT;
    other_view = VIEW_NONE;
    not_apart = false;
    *ret = buf_text(&b);
    CHECK(!buf_failed(&b));
    return n;
}

static bool says(struct slice text, const char *line)
{
    while (text.n)
        if (slice_is(slice_cut(&text, '\n'), line))
            return true;
    return false;
}

/* Names and addresses are of no use to a role that cannot tell whose health it sees: the second cell says that. */
TEST(a_cell_that_gives_too_much_is_found_and_named)
{
    static const struct {
        struct cell cell[2];
        const char *says;
    } row[] = {
        {{{ROLE_MONITOR, ENTITY_PATIENT_DETAIL, ACTION_READ, VIEW_PATIENT_DETAIL_ALL},
          {ROLE_MONITOR, ENTITY_PATIENT_LOOKUP, ACTION_READ, VIEW_PATIENT_LOOKUP_ALL}},
         "monitor can join names with health"},
        {{{ROLE_MONITOR, ENTITY_PATIENT_DETAIL, ACTION_READ, VIEW_PATIENT_DETAIL_ALL},
          {ROLE_MONITOR, ENTITY_PATIENT_LOOKUP, ACTION_READ, VIEW_PATIENT_LOOKUP_ALL}},
         "monitor can join names with streams"},
        {{{ROLE_MONITOR, ENTITY_PATIENT_GENERAL, ACTION_READ, VIEW_PATIENT_GENERAL_ALL},
          {ROLE_MONITOR, ENTITY_INSTALLATION_LOOKUP, ACTION_READ, VIEW_INSTALLATION_LOOKUP_ALL}},
         "monitor can join addresses with health"},
        {{{ROLE_INSTALLER, ENTITY_NOTE, ACTION_CREATE, VIEW_NOTE_ALL}},
         "installer may create Note and is shown more than it may read"},
        {{{ROLE_INSTALLER, ENTITY_PATIENT_GENERAL, ACTION_UPDATE, VIEW_PATIENT_GENERAL_ALL}},
         "installer may update PatientGeneral and is shown more than it may read"},
        {{{ROLE_RESEARCHER, ENTITY_SCREENING, ACTION_UPDATE, VIEW_SCREENING_ALIASED}},
         "researcher may update Screening and is shown more than it may read"},
        {{{ROLE_DOCTOR, ENTITY_NOTE, ACTION_READ, VIEW_NOTE_ONE}},
         "doctor sees ONE of Note by read, which is not how one person is opened"},
        {{{ROLE_EMERGENCY, ENTITY_STREAM, ACTION_READ, VIEW_STREAM_ALL}},
         "emergency sees ALL of Stream by read, which is not how one person is opened"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct slice text;
        for (int k = 0; k < 2; k++)
            if (row[i].cell[k].view != VIEW_NONE)
                cell[k] = row[i].cell[k];
        int n = faults(a, &text);
        if (n < 1 || !says(text, row[i].says))
            fail_msg("row %zu: %d: %.*s", i, n, SLICE_FMT(text));
    }
}

/* Each alone is allowed; whoever held both could join them, so that they are kept apart. */
TEST(two_roles_that_one_person_may_hold_are_looked_at_together)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct slice text;
    not_apart = true;
    int n = faults(a, &text);
    CHECK(n > 0);
    CHECK(says(text, "installer and monitor can join addresses with streams"));
    CHECK(says(text, "installer and monitor can join addresses with health"));
    CHECK(!says(text, "installer can join addresses with streams"));
}

TEST(a_view_that_says_what_it_may_not_is_found_and_named)
{
    static const struct {
        enum view view;
        struct view_row row;
        const char *says;
    } row[] = {
        {VIEW_DOCUMENT_REDACTED,
         {ENTITY_DOCUMENT, "REDACTED", REACH_EVERY, AS_NAMED, false, NULL, "title colour", ""},
         "the view REDACTED of Document names a field that its entity does not have"},
        {VIEW_NOTE_ALL,
         {ENTITY_HEALTH, "ALL", REACH_EVERY, AS_NAMED, false, NULL, "*", ""},
         "the view ALL of Health is nobody's"},
        {VIEW_STREAM_ALL,
         {ENTITY_STREAM, "ALL", REACH_EVERY, AS_NAMED, true, NULL, "*", ""},
         "the view ALL of Stream asks for consent and says not for what"},
        {VIEW_STREAM_COHORT,
         {ENTITY_STREAM, "COHORT", REACH_EVERY, AS_EXPORT, true, "HRESCH", "*", ""},
         "the view COHORT of Stream gives out what no project asked for, or without consent"},
        {VIEW_STREAM_COHORT,
         {ENTITY_STREAM, "COHORT", REACH_COHORT, AS_EXPORT, false, NULL, "*", ""},
         "the view COHORT of Stream gives out what no project asked for, or without consent"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct slice text;
        other_view = row[i].view;
        other_row = row[i].row;
        int n = faults(a, &text);
        if (n < 1 || !says(text, row[i].says))
            fail_msg("row %zu: %d: %.*s", i, n, SLICE_FMT(text));
    }
}

TEST(the_tables_as_they_are_have_no_fault)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct slice text;
    CHECK_INT(faults(a, &text), 0);
    CHECK_INT(text.n, 0);
}

/* --- what is told, and the gates --- */

TEST(each_role_is_told_in_sentences_what_it_may)
{
    for (int role = 0; role < ROLE_COUNT; role++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct buf b = buf_in(a, 64 * 1024);
        policy_tell((enum role)role, &b);
        buf_byte(&b, 0);
        CHECK(!buf_failed(&b));
        CHECK(slice_starts(buf_text(&b), role_name((enum role)role)));
        CHECK(strstr(b.p, role_words((enum role)role)) != NULL);
        CHECK(strstr(b.p, "and nothing else. Of one person it can put together: ") != NULL);
    }
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 64 * 1024);
    policy_tell(ROLE_RESEARCHER, &b);
    buf_byte(&b, 0);
    CHECK(strstr(b.p, "under pseudonyms of one project") != NULL);
    CHECK(strstr(b.p, "only with the person's consent") != NULL);
    CHECK(strstr(b.p, "purpose HRESCH") != NULL);
    CHECK(strstr(b.p, "Not together with admin: ") != NULL);
    CHECK(strstr(b.p, "names") == NULL || strstr(b.p, "put together: health, streams.") != NULL);
}

TEST(a_view_shows_its_fields_by_their_whole_names)
{
    CHECK(view_shows(VIEW_NOTE_ALL, SLICE("anything")));
    CHECK(view_shows(VIEW_DOCUMENT_REDACTED, SLICE("size")));
    CHECK(!view_shows(VIEW_DOCUMENT_REDACTED, SLICE("siz")));
    CHECK(!view_shows(VIEW_DOCUMENT_REDACTED, SLICE("content")));
    CHECK(!view_shows(VIEW_DOCUMENT_REDACTED, SLICE("")));
    CHECK(!view_shows(VIEW_NONE, SLICE("size")));
}

static void gate_of_one_who_only_writes(void)
{
    cell[0] = (struct cell){ROLE_DOCTOR, ENTITY_NOTE, ACTION_READ, VIEW_NONE};
    const struct gate *g = policy_gate(ROLE_DOCTOR);
    int writes = 0, reads = 0;
    for (int i = 0; i < g->grants; i++) {
        if (strcmp(g->grant[i].table, "note") != 0)
            continue;
        for (int k = 0; g->grant[i].insert[k]; k++)
            writes += strcmp(g->grant[i].insert[k], "text") == 0;
        for (int k = 0; g->grant[i].read[k]; k++)
            reads += strcmp(g->grant[i].read[k], "text") == 0;
    }
    if (writes != 1 || reads != 0)
        abort();
}

/* In a child: gates are built once. */
TEST(who_writes_what_they_may_not_read_has_a_gate_for_that)
{
    CHECK(!dies(gate_of_one_who_only_writes, 0));
}

TEST(roles_that_touch_no_table_of_the_study_have_no_gate)
{
    const struct gate *all[ROLE_COUNT];
    int n = policy_gates(all);
    CHECK(n > 0 && n < ROLE_COUNT);
    CHECK(policy_gate(ROLE_ANONYMOUS) == NULL);
    CHECK(policy_gate(ROLE_DOCTOR) != NULL);
    for (int i = 0; i < n; i++)
        CHECK(all[i]->grants > 0);
}

RUN(T(who_writes_what_they_may_not_read_has_a_gate_for_that), T(the_tables_as_they_are_have_no_fault),
    T(a_cell_that_gives_too_much_is_found_and_named), T(two_roles_that_one_person_may_hold_are_looked_at_together),
    T(a_view_that_says_what_it_may_not_is_found_and_named), T(each_role_is_told_in_sentences_what_it_may),
    T(a_view_shows_its_fields_by_their_whole_names), T(roles_that_touch_no_table_of_the_study_have_no_gate))
