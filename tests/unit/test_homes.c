#include "test.h"

#include <stdio.h>

#include "base/metric.h"
#include "study_house.h"
#include "policy/policy.h"
#include "study/house_int.h"
#include "study/patient.h"
#include "study/ticket_int.h"

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}}, monitor = {.role = ROLE_MONITOR, .id = {8}},
                     ivo = {.role = ROLE_INSTALLER, .id = {9}}, ida = {.role = ROLE_INSTALLER, .id = {10}};
static int people;
static const struct study_revs any;

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &monitor, &ivo, &ida};
    (void)state;
    study_house_build(&h, &study, all, COUNT(all));
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    study_house_raze(&h, &study);
    return 0;
}

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = "somebody", .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

/* Somebody new: what the doctor calls them. */
static int64_t enrolled(struct arena *a)
{
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act(&doctor);
    people++;
    const char *form = arena_printf(a,
                                    "{\"first_name\":\"N\",\"last_name\":\"Quarantotti\",\"codice_fiscale\":\"STP%013d\","
                                    "\"home_address\":\"Via dei Glicini %d\",\"phone\":\"+39 06 5550199\"}",
                                    people, people);
    CHECK_INT(patient_form(slice_of(form), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    CHECK_STR(got.status, "opening");
    return got.id;
}

static struct ticket_page listed(struct arena *a, const struct caller *c, int64_t patient, int state)
{
    struct err e;
    struct audit_entry audit = act(c);
    struct ticket_page page;
    const struct ticket_filter f = {patient, state, 0, TICKETS_PAGE};
    CHECK_OK(ticket_list(&study, c, &f, &audit, a, &page, &e));
    return page;
}

/* The newest ticket there is, as the caller knows it. */
static struct ticket newest(struct arena *a, const struct caller *c)
{
    struct err e;
    struct audit_entry audit = act(c);
    struct ticket_entries history;
    struct ticket t;
    CHECK_INT(ticket_read(&study, c, study_house_ticket(&h, c, true), &audit, a, &t, &history, &e), 1);
    return t;
}

/* 0, or the code of the error, whose sentence is then `says`. */
static enum err_code do_it(struct arena *a, const struct caller *c, int64_t id, enum ticket_deed deed, const char *says)
{
    struct err e = {0};
    struct audit_entry audit = act(c);
    struct ticket t;
    if (ticket_do(&study, c, id, deed, deed == DEED_SAY ? SLICE("Zephyrine") : (struct slice){NULL, 0}, &any, &audit, a, &t,
                  NULL, &e) == 0)
        return 0;
    if (says && !strstr(e.detail, says))
        fail_msg("%s: %s", says, e.detail);
    return e.code;
}

static int info(struct arena *a, const struct caller *c, int64_t id, struct home_info *ret)
{
    struct err e;
    struct audit_entry audit = act(c);
    int n = installation_info(&study, c, id, &audit, a, ret, &e);
    if (n < 0)
        fail_msg("info: %s", e.detail);
    return n;
}

static int read_home(struct arena *a, const struct caller *c, int64_t id, struct installation *ret)
{
    struct err e;
    struct audit_entry audit = act(c);
    int n = installation_read(&study, c, id, &audit, a, ret, &e);
    if (n < 0)
        fail_msg("home: %s", e.detail);
    return n;
}

static enum err_code change(struct arena *a, const struct caller *c, int64_t id, const char *form, int64_t rev, bool first,
                            struct installation *ret)
{
    struct err e = {0};
    struct audit_entry audit = act(c);
    struct installation_change n;
    struct installation_fault fault[INSTALLATION_FAULTS];
    const struct study_revs only = {{rev}, rev >= 0};
    if (installation_form(c->role, slice_of(form), a, &n, fault) != 0)
        return ERR_BAD_REQUEST;
    return installation_change(&study, c, id, &n, &only, first, &audit, a, ret, &e) ? e.code : 0;
}

static const char *status_of(struct arena *a, int64_t patient)
{
    struct err e;
    struct audit_entry audit = act(&doctor);
    struct patient p;
    struct patient_page page;
    struct installation i;
    CHECK_INT(patient_read(&study, &doctor, patient, &audit, a, &p, &e), 1);
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.limit = PATIENTS_PAGE}, &audit, a, &page, &e));
    for (int k = 0; k < page.n; k++)
        if (page.patient[k].id == patient)
            CHECK_STR(page.patient[k].status, p.status);
    CHECK_INT(read_home(a, &doctor, patient, &i), 1);
    CHECK_STR(installation_status_name(i.status), p.status);
    return p.status;
}

static int64_t opened(struct arena *a, const struct caller *c, int64_t patient, enum ticket_category category)
{
    struct err e = {0};
    struct audit_entry audit = act(c);
    struct ticket t;
    if (ticket_open(&study, c, patient, category, SLICE("Zephyrine"), &audit, a, &t, &e))
        fail_msg("%s", e.detail);
    return t.id;
}

TEST(with_a_patient_comes_a_home_with_a_ticket_that_each_role_knows_by_numbers_of_its_own)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    int64_t patient = enrolled(a);
    const struct ticket d = newest(a, &doctor), i = newest(a, &ivo), m = newest(a, &monitor);
    const int64_t number[] = {d.id, d.patient_id, i.id, i.patient_id, m.id, m.patient_id};
    for (size_t x = 0; x < COUNT(number); x++)
        for (size_t y = 0; y < x; y++)
            CHECK(number[x] > 0 && number[x] != number[y]);
    CHECK_INT(d.patient_id, patient); /* a doctor knows a home by who lives there */
    CHECK_SLICE(i.category, "installation");
    CHECK_SLICE(i.state, "open");
    CHECK_SLICE(i.last_role, "doctor");
    CHECK(!i.taken && !i.mine);
    CHECK_STR(status_of(a, patient), "opening");
    struct installation home;
    CHECK_INT(read_home(a, &monitor, m.patient_id, &home), 1);
    CHECK_INT(home.patient_id, m.patient_id);
    CHECK_INT(read_home(a, &monitor, i.patient_id, &home), 0); /* another role's number */
    CHECK_INT(read_home(a, &monitor, m.id, &home), 0);         /* a number of something else */
    CHECK_INT(read_home(a, &doctor, d.id, &home), 0);
}

TEST(who_has_taken_an_open_ticket_knows_where_the_home_is_and_nobody_else)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct home_info x;
    struct installation home;
    int64_t patient = enrolled(a);
    const struct ticket i = newest(a, &ivo), m = newest(a, &monitor);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 0);
    CHECK_INT(read_home(a, &ivo, i.patient_id, &home), 0);
    CHECK_INT(do_it(a, &ivo, i.id, DEED_SAY, NULL), 0); /* writing in it takes it */
    CHECK(newest(a, &ivo).mine && newest(a, &ida).taken && !newest(a, &ida).mine);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 1);
    CHECK_SLICE(x.last_name, "Quarantotti");
    CHECK(x.address.n > 10 && x.phone.n > 5);
    CHECK_INT(info(a, &doctor, patient, &x), 1);
    CHECK_INT(info(a, &ida, i.patient_id, &x), 0);
    CHECK_INT(read_home(a, &ida, i.patient_id, &home), 0);
    CHECK_INT(do_it(a, &ida, i.id, DEED_TAKE, "somebody else"), ERR_RULE);
    CHECK_INT(do_it(a, &ivo, i.id, DEED_TAKE, "already"), ERR_RULE);
    CHECK_INT(do_it(a, &ida, i.id, DEED_RELEASE, "somebody else"), ERR_RULE);
    CHECK_INT(do_it(a, &ida, i.id, DEED_SAY, NULL), 0); /* writes, and takes nothing */
    CHECK(!newest(a, &ida).mine);
    /* closed: no address any more, the details still; open again: both */
    CHECK_INT(do_it(a, &ivo, i.id, DEED_CLOSE, NULL), 0);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 0);
    CHECK_INT(read_home(a, &ivo, i.patient_id, &home), 1);
    CHECK(home.value[HOME_date_start].n > 0);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_REOPEN, NULL), 0);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 1);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_RELEASE, NULL), 0);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_RELEASE, "nobody"), ERR_RULE);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 0);
    CHECK_INT(read_home(a, &ivo, i.patient_id, &home), 0);
    CHECK_INT(do_it(a, &ida, i.id, DEED_TAKE, NULL), 0);
    CHECK_INT(info(a, &ida, i.patient_id, &x), 1);
    CHECK_INT(do_it(a, &ida, i.id, DEED_CLOSE, NULL), 0);
}

TEST(a_visit_lasts_as_long_as_any_ticket_of_the_home_is_open_with_its_installer)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct home_info x;
    enrolled(a);
    const struct ticket i = newest(a, &ivo);
    CHECK_INT(do_it(a, &ivo, i.id, DEED_TAKE, NULL), 0);
    int64_t second = opened(a, &ivo, i.patient_id, TICKET_CATEGORY_MAINTENANCE); /* theirs at once */
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 1);
    CHECK_INT(do_it(a, &ivo, i.id, DEED_CLOSE, NULL), 0);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 1);
    CHECK_INT(do_it(a, &ivo, second, DEED_CLOSE, NULL), 0);
    CHECK_INT(info(a, &ivo, i.patient_id, &x), 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM visit WHERE until IS NULL"), 0);
}

TEST(a_ticket_is_written_in_while_it_is_open_and_closed_once)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct audit_entry audit = act(&monitor);
    struct ticket t;
    struct ticket_entries past;
    enrolled(a);
    const struct ticket m = newest(a, &monitor);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_REOPEN, "is open"), ERR_RULE);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_SAY, NULL), 0);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_CLOSE, NULL), 0);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_CLOSE, "closed already"), ERR_RULE);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_SAY, "reopen it first"), ERR_RULE);
    CHECK_INT(do_it(a, &ivo, newest(a, &ivo).id, DEED_TAKE, "reopen it first"), ERR_RULE);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_REOPEN, NULL), 0);
    CHECK_INT(do_it(a, &monitor, m.id + 1, DEED_CLOSE, NULL), ERR_NOT_FOUND);
    CHECK_INT(do_it(a, &monitor, m.patient_id, DEED_CLOSE, NULL), ERR_NOT_FOUND);
    CHECK_INT(ticket_read(&study, &monitor, m.id, &audit, a, &t, &past, &e), 1);
    CHECK_INT(past.n, 2);
    CHECK_SLICE(past.entry[0].kind, "reopened"); /* the newest first */
    CHECK_SLICE(past.entry[1].kind, "closed");
    CHECK(past.entry[1].mine && !past.entry[1].body.p);
    CHECK_INT(t.rev, 4);
    /* of a revision */
    const struct study_revs third = {{3}, 1}, either = {{3, 4}, 2};
    CHECK_INT(ticket_do(&study, &monitor, m.id, DEED_CLOSE, (struct slice){NULL, 0}, &third, &audit, a, &t, NULL, &e), -1);
    CHECK_INT(e.code, ERR_PRECONDITION);
    CHECK_OK(ticket_do(&study, &monitor, m.id, DEED_CLOSE, (struct slice){NULL, 0}, &either, &audit, a, &t, NULL, &e));
    CHECK_INT(t.rev, 5);
    CHECK_SLICE(t.state, "closed");
}

TEST(messages_come_in_their_order_page_by_page_with_who_wrote_them)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct audit_entry audit = act(&ivo);
    struct ticket_entries page;
    enrolled(a);
    const struct ticket i = newest(a, &ivo), m = newest(a, &monitor);
    for (int n = 0; n < 3; n++) {
        CHECK_INT(do_it(a, &monitor, m.id, DEED_SAY, NULL), 0);
        CHECK_INT(do_it(a, &ivo, i.id, DEED_SAY, NULL), 0);
    }
    CHECK_INT(ticket_messages(&study, &ivo, i.id, 0, 3, &audit, a, &page, &e), 1);
    CHECK_INT(page.n, 3);
    CHECK_INT(page.all, 7);
    CHECK_SLICE(page.entry[0].role, "doctor");
    CHECK_SLICE(page.entry[1].role, "monitor");
    CHECK_SLICE(page.entry[2].role, "installer");
    CHECK_SLICE(page.entry[2].body, "Zephyrine");
    CHECK(!page.entry[1].mine && page.entry[2].mine);
    CHECK_INT(page.entry[1].at % 60000000, 0); /* cut */
    CHECK_INT(ticket_messages(&study, &ivo, i.id, page.next, TICKETS_PAGE, &audit, a, &page, &e), 1);
    CHECK_INT(page.n, 4);
    CHECK_INT(page.next, 0);
    CHECK_INT(ticket_messages(&study, &ivo, m.id, 0, 3, &audit, a, &page, &e), 0);
}

TEST(what_a_home_is_like_follows_from_its_tickets)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct installation home;
    int64_t patient = enrolled(a);
    const struct ticket m = newest(a, &monitor);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_CLOSE, NULL), 0);
    CHECK_STR(status_of(a, patient), "open");
    int64_t broken = opened(a, &monitor, m.patient_id, TICKET_CATEGORY_MAINTENANCE);
    CHECK_STR(status_of(a, patient), "pause");
    CHECK_INT(do_it(a, &monitor, broken, DEED_CLOSE, NULL), 0);
    CHECK_STR(status_of(a, patient), "open");
    CHECK_INT(read_home(a, &doctor, patient, &home), 1);
    CHECK(home.value[HOME_date_start].n && !home.value[HOME_date_end].n);
    int64_t end = opened(a, &monitor, m.patient_id, TICKET_CATEGORY_UNINSTALLATION);
    CHECK_STR(status_of(a, patient), "closing");
    CHECK_INT(do_it(a, &monitor, end, DEED_CLOSE, NULL), 0);
    CHECK_STR(status_of(a, patient), "closed");
    CHECK_INT(do_it(a, &monitor, end, DEED_REOPEN, NULL), 0);
    CHECK_STR(status_of(a, patient), "closing");
    CHECK_INT(read_home(a, &monitor, m.patient_id, &home), 1);
    CHECK(home.value[HOME_date_end].n && strstr(home.value[HOME_date_end].p, "T00:00:00")); /* a monitor: the day */
}

TEST(details_are_changed_field_by_field_by_who_sees_them_and_from_what_they_are)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct installation home;
    int64_t patient = enrolled(a);
    const struct ticket i = newest(a, &ivo), m = newest(a, &monitor);
    CHECK_INT(change(a, &ivo, i.patient_id, "{\"pets\":\"two cats\"}", -1, true, &home), ERR_NOT_FOUND);
    CHECK_INT(do_it(a, &ivo, i.id, DEED_TAKE, NULL), 0);
    CHECK_INT(change(a, &ivo, i.patient_id, "{\"pets\":\"Micifuz\",\"internet_type\":\"fibre\"}", -1, true, &home), 0);
    CHECK_INT(home.rev, 2);
    CHECK_INT(change(a, &ivo, i.patient_id, "{\"pets\":\"one cat\"}", -1, true, &home), ERR_RULE); /* twice */
    CHECK_INT(change(a, &ivo, i.patient_id, "{\"visitors\":\"a nurse\"}", 1, false, &home), ERR_PRECONDITION);
    CHECK_INT(change(a, &ivo, i.patient_id, "{\"visitors\":\"a nurse\"}", 2, false, &home), 0);
    CHECK_SLICE(home.value[HOME_pets], "Micifuz"); /* left out: stays */
    CHECK_SLICE(home.value[HOME_visitors], "a nurse");
    /* the monitor: what data come through, not the household */
    CHECK_INT(read_home(a, &monitor, m.patient_id, &home), 1);
    CHECK_SLICE(home.value[HOME_internet_type], "fibre");
    CHECK(!home.value[HOME_pets].p && !home.value[HOME_visitors].p);
    CHECK_INT(change(a, &monitor, m.patient_id, "{\"pets\":\"none\"}", -1, false, &home), ERR_BAD_REQUEST);
    CHECK_INT(change(a, &monitor, m.patient_id, "{\"internet_type\":null,\"date_start\":\"2026-03-01\"}", -1, false, &home), 0);
    CHECK(!home.value[HOME_internet_type].p && !home.value[HOME_pets].p);
    CHECK_INT(change(a, &monitor, m.patient_id, "{\"date_end\":\"2026-02-01\"}", -1, false, &home), ERR_RULE);
    CHECK_INT(read_home(a, &doctor, patient, &home), 1);
    CHECK_SLICE(home.value[HOME_pets], "Micifuz");
    CHECK_SLICE(home.value[HOME_date_start], "2026-03-01T00:00:00.000000Z");
}

TEST(a_form_says_what_is_wrong_with_it)
{
    static const struct {
        enum role role;
        const char *form, *field, *says;
    } row[] = {
        {ROLE_INSTALLER, "{\"pets\":7}", "pets", "valid string"},
        {ROLE_INSTALLER, "{\"pets\":\"\\u0007\"}", "pets", "control characters"},
        {ROLE_INSTALLER, "{\"date_start\":\"1.3.2026\"}", "date_start", "YYYY-MM-DD"},
        {ROLE_INSTALLER, "{\"date_start\":\"2026-03-01\",\"date_end\":\"2026-02-01\"}", "date_end", "before date_start"},
        {ROLE_INSTALLER, "{\"status\":\"open\"}", NULL, "Extra inputs"},
        {ROLE_MONITOR, "{\"habits_notes\":\"x\"}", "habits_notes", "not a field of your role"},
        {ROLE_DOCTOR, "{\"internet_type\":\"x\"}", "internet_type", "not a field of your role"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct installation_change n;
        struct installation_fault fault[INSTALLATION_FAULTS];
        CHECK_INT(installation_form(row[i].role, slice_of(row[i].form), a, &n, fault), 1);
        CHECK(row[i].field ? fault[0].field && strcmp(fault[0].field, row[i].field) == 0 : !fault[0].field);
        CHECK(strstr(fault[0].text, row[i].says));
    }
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct installation_change n;
    struct installation_fault fault[INSTALLATION_FAULTS];
    CHECK_INT(installation_form(ROLE_INSTALLER, SLICE("[]"), a, &n, fault), -1);
    static char text[TICKET_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    CHECK(ticket_text_fits((struct slice){text, TICKET_TEXT_MAX}) && !ticket_text_fits((struct slice){text, sizeof text}));
    CHECK(!ticket_text_fits(SLICE("")) && !ticket_text_fits(SLICE("a\x1b")) && !ticket_text_fits(SLICE("\xff")));
}

TEST(a_home_has_so_many_open_tickets_and_a_ticket_so_many_entries)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct audit_entry audit = act(&monitor);
    struct ticket t;
    enrolled(a);
    const struct ticket m = newest(a, &monitor);
    for (int i = 1; i < TICKETS_OPEN; i++)
        opened(a, &monitor, m.patient_id, TICKET_CATEGORY_MAINTENANCE);
    CHECK_INT(ticket_open(&study, &monitor, m.patient_id, TICKET_CATEGORY_MAINTENANCE, SLICE("x"), &audit, a, &t, &e), -1);
    CHECK_INT(e.code, ERR_RULE);
    CHECK_INT(listed(a, &monitor, m.patient_id, TICKET_OPEN).all, TICKETS_OPEN);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_CLOSE, NULL), 0);
    CHECK_INT(listed(a, &monitor, m.patient_id, TICKET_OPEN).all, TICKETS_OPEN - 1);
    CHECK_INT(listed(a, &monitor, m.patient_id, -1).all, TICKETS_OPEN);
    const int64_t last = opened(a, &monitor, m.patient_id, TICKET_CATEGORY_MAINTENANCE);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_REOPEN, "20 tickets are open for this home"), ERR_RULE);
    CHECK_INT(listed(a, &monitor, m.patient_id, TICKET_OPEN).all, TICKETS_OPEN);
    CHECK_INT(do_it(a, &monitor, last, DEED_CLOSE, NULL), 0);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_REOPEN, NULL), 0); /* in its place */
    CHECK_INT(do_it(a, &monitor, m.id, DEED_CLOSE, NULL), 0);
    CHECK_INT(do_it(a, &monitor, last, DEED_REOPEN, NULL), 0);
    house_sql(&h, "UPDATE ticket SET entries = 1000 WHERE state = 'open';");
    const struct ticket full = newest(a, &monitor);
    CHECK_INT(do_it(a, &monitor, full.id, DEED_SAY, "full"), ERR_RULE);
    CHECK_INT(do_it(a, &monitor, full.id, DEED_CLOSE, NULL), 0); /* which goes on */
}

struct filling {
    int64_t home;
    enum err_code code;
};

static void open_in(struct filling *f)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e = {.code = ERR_NONE};
    struct audit_entry audit = act(&monitor);
    struct ticket t;
    ticket_open(&study, &monitor, f->home, TICKET_CATEGORY_MAINTENANCE, SLICE("x"), &audit, a, &t, &e);
    f->code = e.code;
}

static void *open_one(void *arg)
{
    open_in(arg);
    arena_thread_end();
    return NULL;
}

TEST(tickets_that_are_opened_beside_each_other_keep_to_the_limit)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    if (!house_shared())
        return;
    enrolled(a);
    const struct ticket m = newest(a, &monitor);
    for (int i = 1; i < TICKETS_OPEN; i++)
        opened(a, &monitor, m.patient_id, TICKET_CATEGORY_MAINTENANCE);
    CHECK_INT(do_it(a, &monitor, m.id, DEED_CLOSE, NULL), 0);
    struct filling f = {.home = m.patient_id};
    CHECK(house_beside(&h,
                       "UPDATE installation SET rev = rev; UPDATE ticket SET state = 'open', closed_at = NULL WHERE state = 'closed'",
                       open_one, &f));
    CHECK_INT(f.code, ERR_RULE);
    CHECK_INT(listed(a, &monitor, m.patient_id, TICKET_OPEN).all, TICKETS_OPEN);
}

TEST(lists_go_page_by_page_in_the_callers_own_view)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct audit_entry audit = act(&monitor);
    struct installation_page page;
    struct ticket_page tickets;
    int64_t seen = 0, last = 0, mine = house_number(&h, "SELECT count(*) FROM installation");
    for (int64_t after = 0; after || !seen; after = page.next) {
        CHECK_OK(installation_list(&study, &monitor, -1, after, 2, &audit, a, &page, &e));
        CHECK_INT(page.all, mine);
        for (int i = 0; i < page.n; i++, seen++) {
            CHECK(page.installation[i].patient_id > last);
            last = page.installation[i].patient_id;
        }
        if (!page.next)
            break;
    }
    CHECK_INT(seen, mine);
    /* an installer: what was given to them */
    CHECK_OK(installation_list(&study, &ida, -1, 0, INSTALLATIONS_PAGE, &audit, a, &page, &e));
    int64_t before = page.n;
    CHECK_INT(page.all, before);
    enrolled(a);
    CHECK_OK(installation_list(&study, &ida, -1, 0, INSTALLATIONS_PAGE, &audit, a, &page, &e));
    CHECK_INT(page.n, before);
    CHECK_INT(do_it(a, &ida, newest(a, &ida).id, DEED_TAKE, NULL), 0);
    CHECK_OK(installation_list(&study, &ida, -1, 0, INSTALLATIONS_PAGE, &audit, a, &page, &e));
    CHECK_INT(page.n, before + 1);
    CHECK_INT(page.all, before + 1);
    CHECK_OK(installation_list(&study, &doctor, -1, 0, INSTALLATIONS_PAGE, &audit, a, &page, &e));
    CHECK_INT(page.n, mine + 1);
    for (int i = 0; i < page.n; i++)
        CHECK(page.installation[i].patient_id && page.installation[i].patient_id != page.installation[i].id);
    /* tickets, the newest first */
    seen = 0;
    last = INT64_MAX;
    struct ticket_filter f = {0, -1, 0, 5};
    do {
        CHECK_OK(ticket_list(&study, &doctor, &f, &audit, a, &tickets, &e));
        for (int i = 0; i < tickets.n; i++, seen++) {
            CHECK(tickets.ticket[i].opened_at <= last && tickets.ticket[i].patient_id);
            last = tickets.ticket[i].opened_at;
        }
    } while ((f.after = tickets.next));
    CHECK_INT(seen, tickets.all);
    f.after = 12345;
    CHECK_INT(ticket_list(&study, &doctor, &f, &audit, a, &tickets, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
}

TEST(each_look_is_one_entry_and_so_is_each_that_finds_nothing)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct audit_entry audit = act(&monitor);
    struct ticket_entries page;
    struct ticket t;
    struct installation home;
    struct home_info x;
    enrolled(a);
    const struct ticket m = newest(a, &monitor);
    const int64_t number[] = {m.id, m.patient_id, 12345};
    for (int k = 0; k < 3; k++)
        for (int what = 0; what < 4; what++) {
            int64_t before, after;
            CHECK_OK(audit_index(h.db, &e));
            CHECK_OK(audit_count(h.db, &before, &e));
            int n = what == 0   ? ticket_read(&study, &monitor, number[k], &audit, a, &t, &page, &e)
                    : what == 1 ? ticket_messages(&study, &monitor, number[k], 0, 9, &audit, a, &page, &e)
                    : what == 2 ? read_home(a, &monitor, number[k], &home)
                                : info(a, &doctor, number[k], &x);
            CHECK_INT(n, what < 2 ? k == 0 : what == 2 ? k == 1 : 0);
            CHECK_OK(audit_index(h.db, &e));
            CHECK_OK(audit_count(h.db, &after, &e));
            CHECK_INT(after, before + 1);
        }
}

static int erase_body(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    uint8_t house[16];
    const int64_t *number = arg;
    int got = alias_subject(tx, &study, "monitor", *number, a, house, e);
    return got == 1 && house_erase(tx, &study, house, e) >= 3 ? 0 : -1;
}

TEST(of_a_house_that_is_erased_nothing_is_found_and_of_others_all)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct installation home;
    enrolled(a);
    const struct ticket stays = newest(a, &monitor);
    enrolled(a);
    const struct ticket goes = newest(a, &monitor);
    int64_t number = goes.patient_id, tickets = house_number(&h, "SELECT count(*) FROM ticket"),
            entries = house_number(&h, "SELECT count(*) FROM ticket_entry"),
            aliases = house_number(&h, "SELECT count(*) FROM alias");
    CHECK_OK(tx_run(h.db, erase_body, &number, &e));
    CHECK_INT(do_it(a, &monitor, goes.id, DEED_CLOSE, NULL), ERR_NOT_FOUND);
    CHECK_INT(read_home(a, &monitor, goes.patient_id, &home), 0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM ticket"), tickets - 1);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM ticket_entry"), entries - 1);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM alias"), aliases - 4);
    CHECK_INT(newest(a, &monitor).id, stays.id);
    CHECK_INT(read_home(a, &monitor, stays.patient_id, &home), 1);
}

/* C4: nothing of a home or of what is written about it stands in the store in clear. */
TEST(the_store_says_nothing_of_a_home)
{
    static const char *const canary[] = {"Micifuz", "Zephyrine", "fibre", "nurse", "Quarantotti", "Glicini", "5550199"};
    study_house_hides(&h, canary, COUNT(canary));
}

/* Of a page of fifty as many questions as of one of two. */
TEST(a_page_is_not_asked_for_home_by_home)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e;
    struct installation_page homes;
    struct ticket_page tickets;
    const struct caller *const who[] = {&doctor, &monitor};
    while (house_number(&h, "SELECT count(*) FROM installation") < 51)
        enrolled(a);
    for (size_t i = 0; i < COUNT(who); i++) {
        struct audit_entry audit = act(who[i]);
        int64_t cost[2][2];
        for (int many = 0; many < 2; many++) {
            int64_t before = metric_value[METRIC_STATEMENTS];
            const struct ticket_filter f = {0, -1, 0, many ? 50 : 2};
            CHECK_OK(installation_list(&study, who[i], -1, 0, f.limit, &audit, a, &homes, &e));
            cost[0][many] = metric_value[METRIC_STATEMENTS] - before;
            before = metric_value[METRIC_STATEMENTS];
            CHECK_OK(ticket_list(&study, who[i], &f, &audit, a, &tickets, &e));
            cost[1][many] = metric_value[METRIC_STATEMENTS] - before;
            CHECK_INT(homes.n, f.limit);
            CHECK_INT(tickets.n, f.limit);
        }
        CHECK_INT(cost[0][1], cost[0][0]);
        CHECK_INT(cost[1][1], cost[1][0]);
    }
}

static void check_plan_by(const char *sql, const char *index, bool in_order)
{
    char plan[4096];
    house_plan(&h, sql, plan, sizeof plan);
    if (!strstr(plan, index) || !*plan)
        fail_msg("without %s: %s\n%s", index, sql, plan);
    for (struct slice rest = slice_of(plan); rest.n;) {
        struct slice step = slice_trim(slice_cut(&rest, '\n'));
        bool of_few = slice_is(step, "SCAN fit"); /* of what an index has found */
        if ((slice_starts(step, "SCAN") && !of_few) || memmem(step.p, step.n, "Seq Scan", 8))
            fail_msg("%s\n%s", sql, plan);
        if (slice_starts(step, "SEARCH s ") && !memmem(step.p, step.n, "house_nick=?", 12)) /* all tickets, of SQLite's */
            fail_msg("all of a scope: %s\n%s", sql, plan);
    }
    if (in_order && (strstr(plan, "TEMP B-TREE") || strstr(plan, "Sort")))
        fail_msg("sorted: %s\n%s", sql, plan);
}

static void check_plan(const char *sql, bool in_order)
{
    check_plan_by(sql, "", in_order);
}

/* Each list of one status has the homes that are told to have it, in the same order, page by page, and counts them. */
TEST(a_list_of_one_status_has_the_homes_that_have_it)
{
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    struct err e;
    const struct caller *const who[] = {&doctor, &monitor, &ida};
    int statuses = 0;
    for (size_t w = 0; w < COUNT(who); w++) {
        struct audit_entry audit = act(who[w]);
        struct installation_page all, some;
        CHECK_OK(installation_list(&study, who[w], -1, 0, INSTALLATIONS_PAGE, &audit, a, &all, &e));
        CHECK_INT(all.n, all.all);
        for (int status = 0; status < INSTALLATION_STATUSES; status++) {
            int n = 0;
            int64_t after = 0;
            do {
                CHECK_OK(installation_list(&study, who[w], status, after, 3, &audit, a, &some, &e));
                for (int i = 0, k = 0; i < some.n; i++, n++, k++) {
                    while (k < all.n && all.installation[k].id != some.installation[i].id)
                        k++;
                    CHECK(k < all.n && (int)all.installation[k].status == status);
                    CHECK(some.installation[i].id > after);
                    after = some.installation[i].id;
                }
            } while ((after = some.next));
            int want = 0;
            for (int k = 0; k < all.n; k++)
                want += (int)all.installation[k].status == status;
            CHECK_INT(n, want);
            CHECK_INT(some.all, want);
            statuses += want > 0;
        }
    }
    CHECK(statuses >= 8);
}

/* The people of one status, a page at a time, are those of all who are told to have it, in the same order. */
TEST(a_list_of_people_of_one_status_has_who_lives_so)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct err e = {0};
    struct audit_entry audit = act(&doctor);
    struct patient_page all, some;
    static const enum patients_sort sorts[] = {PATIENTS_NEWEST_FIRST, PATIENTS_OLDEST_FIRST};
    int statuses = 0;
    for (size_t k = 0; k < COUNT(sorts); k++) {
        const struct patient_query every = {.sort = sorts[k], .limit = PATIENTS_PAGE};
        CHECK_OK(patient_list(&study, &doctor, &every, &audit, a, &all, &e));
        CHECK_INT(all.n, all.all);
        for (int status = 0; status < INSTALLATION_STATUSES; status++) {
            const enum installation_status of = (enum installation_status)status;
            const char *text = installation_status_name(of);
            const struct patient_find f = {
                .roster = {.order = ROSTER_BY_JOINED, .descending = sorts[k] == PATIENTS_NEWEST_FIRST}, .status = &of};
            struct patient_query q = {.sort = sorts[k], .find = &f, .limit = 3};
            int at = 0, n = 0;
            do {
                CHECK_OK(patient_list(&study, &doctor, &q, &audit, a, &some, &e));
                for (int i = 0; i < some.n; i++, at++, n++) {
                    while (at < all.n && strcmp(all.patient[at].status, text) != 0)
                        at++;
                    CHECK(at < all.n && all.patient[at].id == some.patient[i].id);
                    CHECK_STR(some.patient[i].status, text);
                }
            } while ((q.after = some.next));
            while (at < all.n && strcmp(all.patient[at].status, text) != 0)
                at++;
            CHECK_INT(at, all.n);
            CHECK_INT(some.all, n);
            statuses += n > 0;
        }
    }
    CHECK(statuses >= 6);
}

TEST(no_list_reads_a_table_from_end_to_end)
{
    check_plan(installation_list_sql, true);
    check_plan(installation_given_sql, false); /* of one installer's homes, which are few */
    check_plan(installation_count_sql, true);
    check_plan(installation_given_count_sql, false);
    check_plan(installation_of_status_sql, true);
    check_plan(installation_given_of_status_sql, false);
    check_plan_by(installation_kind_sql, "ticket_of_kind", true);
    check_plan_by(installation_fitting_sql, "ticket_of_kind", false); /* of a status that few homes have */
    check_plan_by(installation_count_fitting_sql, "ticket_of_kind", false);
    check_plan_by(house_fitting_sql, "ticket_of_kind", false);
    check_plan(house_open_sql, true);
    check_plan(house_known_sql, true);
    check_plan(installation_count_open_sql, false);
    check_plan(installation_count_unknown_sql, true);
    check_plan(installation_given_count_of_status_sql, false);
    check_plan(ticket_messages_sql, true);
    for (int i = 0; i < 4; i++)
        check_plan(document_list_sql[i / 2][i % 2], true);
    for (int i = 0; i < 16; i++) { /* what one installer has taken is sorted: it is little */
        for (int order = 0; order < TICKET_ORDERS; order++)
            check_plan(ticket_list_sql[order][i >> 3][i >> 2 & 1][i >> 1 & 1][i & 1], !(i & 1));
        check_plan(ticket_count_sql[i >> 3][i >> 2 & 1][i >> 1 & 1][i & 1], true);
    }
    for (int house = 0; house < 2; house++) {
        for (int i = 0; i < 2 * TICKET_ORDERS; i++)
            check_plan(ticket_search_sql[i / 2][house][i % 2], true);
        check_plan(ticket_search_count_sql[house], true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(with_a_patient_comes_a_home_with_a_ticket_that_each_role_knows_by_numbers_of_its_own),
        T(who_has_taken_an_open_ticket_knows_where_the_home_is_and_nobody_else),
        T(a_visit_lasts_as_long_as_any_ticket_of_the_home_is_open_with_its_installer),
        T(a_ticket_is_written_in_while_it_is_open_and_closed_once),
        T(messages_come_in_their_order_page_by_page_with_who_wrote_them),
        T(what_a_home_is_like_follows_from_its_tickets),
        T(details_are_changed_field_by_field_by_who_sees_them_and_from_what_they_are),
        T(a_form_says_what_is_wrong_with_it),
        T(a_home_has_so_many_open_tickets_and_a_ticket_so_many_entries),
        T(lists_go_page_by_page_in_the_callers_own_view),
        T(each_look_is_one_entry_and_so_is_each_that_finds_nothing),
        T(of_a_house_that_is_erased_nothing_is_found_and_of_others_all),
        T(the_store_says_nothing_of_a_home),
        T(a_list_of_one_status_has_the_homes_that_have_it),
        T(a_list_of_people_of_one_status_has_who_lives_so),
        T(a_page_is_not_asked_for_home_by_home),
        T(no_list_reads_a_table_from_end_to_end),
        T(tickets_that_are_opened_beside_each_other_keep_to_the_limit),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
