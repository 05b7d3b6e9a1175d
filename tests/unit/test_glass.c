#include "test.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "study_house.h"
#include "policy/policy.h"
#include "study/glass.h"
#include "study/patient.h"
#include "study/study_int.h"

#define MINUTE INT64_C(60000000)
#define HOUR   (60 * MINUTE)

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}}, monitor = {.role = ROLE_MONITOR, .id = {8}},
                     other = {.role = ROLE_MONITOR, .id = {9}}, auditor = {.role = ROLE_AUDITOR, .id = {10}};
static int64_t anna, bruno;                                    /* the doctor's numbers */
static int64_t anna_person, anna_data, anna_house, bruno_data; /* the monitor's */

/* So much time goes by: what is in the rows is longer ago. The clock itself is moved in tests/scenario/glass.mjs. */
static void later(int64_t us)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "UPDATE glass SET since = since - %lld, until = until - %lld, ended_at = ended_at - %lld;", (long long)us,
             (long long)us, (long long)us);
    house_sql(&h, sql);
}

static void just_signed_in(struct caller *c)
{
    c->signed_in_at_us = clock_now_us() - MINUTE;
}

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = "somebody", .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

static int64_t enrolled(const char *form)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act(&doctor);
    CHECK_INT(patient_form(slice_of(form), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    return got.id;
}

struct naming {
    int64_t doctors;
    int64_t person, data, house;
    struct bond bond;
};

static int find_bond(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct naming *x = arg;
    return alias_subject(tx, &study, "doctor", x->doctors, a, x->bond.person, e) == 1 &&
                   bond_of_person(tx, &study, x->bond.person, a, &x->bond, e) == 1
               ? 0
               : -1;
}

static struct alias made;
static int store_alias(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return alias_store(tx, &study, &made, e);
}

/* What the monitor calls the house already. */
static int find_number(struct tx *tx, void *arg, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct naming *x = arg;
    uint8_t index[1][BLIND_BYTES];
    return alias_index(&study, x->bond.house_nick, index[0], e) ||
                   alias_numbers(tx, &study, "monitor", (const uint8_t(*)[BLIND_BYTES])index, 1, a, &x->house, e)
               ? -1
               : 0;
}

static int64_t monitors(const uint8_t subject[16])
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e;
    CHECK_OK(alias_make(&study, "monitor", subject, a, &made, &e));
    CHECK_OK(tx_run(h.db, store_alias, NULL, &e));
    return made.number;
}

static int open_house(void **state)
{
    struct err e;
    struct caller *const all[] = {&doctor, &monitor, &other, &auditor};
    (void)state;
    study_house_build(&h, &study, all, COUNT(all));
    for (size_t i = 0; i < COUNT(all); i++)
        just_signed_in(all[i]);
    anna = enrolled("{\"first_name\":\"Anna\",\"last_name\":\"Rossi\",\"codice_fiscale\":\"RSSNNA80A41H501L\","
                    "\"home_address\":\"Via dei Glicini 7\",\"neuro_diag\":\"MCI\",\"medical_notes\":\"Zephyrine\"}");
    bruno = enrolled("{\"first_name\":\"Bruno\",\"last_name\":\"Provvisorio\",\"codice_fiscale\":\"STP1234567890123\","
                     "\"neuro_diag\":\"AD\"}");
    struct naming x = {.doctors = anna}, y = {.doctors = bruno};
    CHECK_OK(tx_run(h.db, find_bond, &x, &e));
    CHECK_OK(tx_run(h.db, find_bond, &y, &e));
    anna_person = monitors(x.bond.person);
    anna_data = monitors(x.bond.data_nick);
    CHECK_OK(tx_run(h.db, find_number, &x, &e));
    anna_house = x.house;
    bruno_data = monitors(y.bond.data_nick);
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    study_house_raze(&h, &study);
    return 0;
}

/* Before each test: nobody has broken anything. */
static int whole(void **state)
{
    (void)state;
    house_sql(&h, "DELETE FROM glass;");
    return 0;
}

static const char why[] = "She does not answer, and the neighbour heard a fall.";

static int broken(const struct caller *c, int64_t subject, struct glass *ret, struct err *e)
{
    static struct arena *a;
    a = a ? a : arena_new(16 << 20);
    struct glass_new n = {.subject = subject, .reason = GLASS_REASON_DANGER, .text = SLICE(why)};
    struct audit_entry audit = act(c);
    return glass_break(&study, c, &n, &audit, a, ret, e);
}

static struct glass broke(const struct caller *c, int64_t subject)
{
    struct err e;
    struct glass g;
    CHECK_OK(broken(c, subject, &g, &e));
    return g;
}

static struct caller under(const struct caller *c, const struct glass *g)
{
    struct caller x = *c;
    x.behind = c->role;
    x.role = ROLE_EMERGENCY;
    uuid_text(g->id, x.glass);
    return x;
}

static int seen(const struct caller *c, const struct glass *g, int64_t id, struct arena *a, struct patient *ret,
                struct err *e)
{
    struct caller x = under(c, g);
    struct audit_entry audit = act(&x);
    return patient_read(&study, &x, id, &audit, a, ret, e);
}

static void sees(const struct caller *c, const struct glass *g, int64_t id, struct arena *a, struct patient *ret)
{
    struct err e = {0};
    int rc = seen(c, g, id, a, ret, &e);
    if (rc != 1)
        fail_msg("%d: %s", rc, e.detail);
}

static int ended(const struct caller *c, const struct glass *g, struct glass *ret, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct audit_entry audit = act(c);
    return glass_end(&study, c, g->id, &audit, a, ret, e);
}

static int reviewed(const struct caller *c, const struct glass *g, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct audit_entry audit = act(c);
    struct glass got;
    int rc = glass_review(&study, c, g->id, GLASS_OUTCOME_JUSTIFIED, SLICE("An ambulance was called at once."), &audit,
                          a, &got, e);
    if (!rc) {
        CHECK_INT(got.state, GLASS_REVIEWED);
        CHECK_SLICE(got.outcome, "justified");
        CHECK_SLICE(got.review, "An ambulance was called at once.");
        CHECK(memcmp(got.reviewer, c->id, 16) == 0);
    }
    return rc;
}

static void refused(int rc, const struct err *e, enum err_code code, const char *says)
{
    if (rc != -1 || e->code != code || !strstr(e->detail, says))
        fail_msg("%d, %s: %s", rc, rc ? err_name(e->code) : "", rc ? e->detail : "");
}

TEST(an_emergency_opens_one_person_for_reading_for_an_hour)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    const int64_t by[] = {anna_person, anna_data, anna_house};
    struct err e = {0};
    struct patient p;
    for (size_t i = 0; i < COUNT(by); i++) { /* by whatever the monitor calls them, their data or their house */
        struct glass g = broke(&monitor, by[i]), end;
        CHECK_INT(g.state, GLASS_ACTIVE);
        CHECK_INT(g.subject, by[i]);
        CHECK_INT(g.until - g.since, HOUR);
        CHECK_SLICE(g.text, why);
        CHECK_SLICE(g.reason, "danger");
        sees(&monitor, &g, by[i], a, &p);
        CHECK_INT(p.id, by[i]);
        CHECK_SLICE(p.value[PATIENT_first_name], "Anna");
        CHECK_SLICE(p.value[PATIENT_address], "Via dei Glicini 7");
        CHECK_SLICE(p.value[PATIENT_neuro_diag], "MCI");
        CHECK_SLICE(p.value[PATIENT_medical_notes], "Zephyrine");
        CHECK_OK(ended(&monitor, &g, &end, &e));
        CHECK_INT(end.state, GLASS_ENDED);
        CHECK_INT(end.uses, 1);
    }
    struct glass g = broke(&monitor, anna_data);
    later(59 * MINUTE);
    sees(&monitor, &g, anna_data, a, &p);
    later(MINUTE + 1000000);
    refused(seen(&monitor, &g, anna_data, a, &p, &e), &e, ERR_GLASS, "has ended");
}

TEST(it_opens_nobody_else_and_for_nobody_else)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e = {0};
    struct patient p;
    struct glass g = broke(&monitor, anna_data), absent = g;
    refused(seen(&monitor, &g, bruno_data, a, &p, &e), &e, ERR_GLASS, "another person");
    refused(seen(&monitor, &g, anna_house, a, &p, &e), &e, ERR_GLASS,
            "another person"); /* not by what it was broken for */
    refused(seen(&other, &g, anna_data, a, &p, &e), &e, ERR_GLASS, "of yours");
    struct caller both = monitor;
    both.role = ROLE_DOCTOR;
    refused(seen(&both, &g, anna_data, a, &p, &e), &e, ERR_GLASS, "another role");
    absent.id[0] ^= 1;
    refused(seen(&monitor, &absent, anna_data, a, &p, &e), &e, ERR_GLASS, "of yours");
    struct caller x = under(&monitor, &g);
    struct audit_entry audit = act(&x);
    struct patient_page page;
    CHECK_INT(patient_list(&study, &x, &(struct patient_query){.limit = 10}, &audit, a, &page, &e), house_shared() ? 0 : -1);
    if (house_shared()) /* the gate lets nothing through that was not named */
        CHECK_INT(page.n, 0);
    struct patient form = {.value = {[PATIENT_first_name] = SLICE("C"),
                                     [PATIENT_last_name] = SLICE("D"),
                                     [PATIENT_codice_fiscale] = SLICE("STP0000000000007")}};
    refused(patient_enrol(&study, &x, &form, &audit, a, &p, &e), &e, ERR_GATE, "");
    x.role = ROLE_MONITOR; /* and without it they are not seen at all */
    refused(patient_read(&study, &x, anna_data, &audit, a, &p, &e), &e, ERR_GATE, "");
}

TEST(whoever_has_not_just_signed_in_breaks_nothing)
{
    static const int64_t ago[] = {0, 5 * MINUTE + 2000000, 30 * 24 * HOUR, -2 * MINUTE};
    struct err e = {0};
    struct glass g;
    for (size_t i = 0; i < COUNT(ago); i++) {
        struct caller c = monitor;
        c.signed_in_at_us = ago[i] ? clock_now_us() - ago[i] : 0;
        refused(broken(&c, anna_data, &g, &e), &e, ERR_STEP_UP, "sign in again");
    }
    struct caller c = monitor;
    c.signed_in_at_us = clock_now_us() - 5 * MINUTE + 5000000;
    CHECK_OK(broken(&c, anna_data, &g, &e));
}

TEST(one_at_a_time_and_of_somebody_the_caller_can_name)
{
    struct err e = {0};
    struct glass g;
    refused(broken(&monitor, anna, &g, &e), &e, ERR_NOT_FOUND, ""); /* the doctor's number */
    refused(broken(&doctor, anna_data, &g, &e), &e, ERR_NOT_FOUND, "");
    broke(&doctor, anna);
    broke(&monitor, anna_data);
    refused(broken(&monitor, bruno_data, &g, &e), &e, ERR_CONFLICT, "open until");
    refused(broken(&monitor, anna_data, &g, &e), &e, ERR_CONFLICT, "open until");
    later(HOUR);
    broke(&monitor, bruno_data);
}

TEST(another_auditor_reviews_what_has_ended_and_once)
{
    struct err e = {0};
    struct glass g = broke(&monitor, anna_data), end;
    struct caller self = monitor;
    self.role = ROLE_AUDITOR;
    refused(reviewed(&auditor, &g, &e), &e, ERR_CONFLICT, "is open until");
    refused(ended(&other, &g, &end, &e), &e, ERR_NOT_FOUND, "");
    refused(ended(&auditor, &g, &end, &e), &e, ERR_NOT_FOUND, "");
    CHECK_OK(ended(&monitor, &g, &end, &e));
    refused(ended(&monitor, &g, &end, &e), &e, ERR_CONFLICT, "has ended already");
    refused(reviewed(&self, &g, &e), &e, ERR_GLASS, "of their own");
    CHECK_OK(reviewed(&auditor, &g, &e));
    refused(reviewed(&auditor, &g, &e), &e, ERR_CONFLICT, "reviewed already");
    refused(ended(&monitor, &g, &end, &e), &e, ERR_CONFLICT, "reviewed already");
    g.id[0] ^= 1;
    refused(reviewed(&auditor, &g, &e), &e, ERR_NOT_FOUND, "");
}

TEST(while_a_review_is_overdue_its_holder_breaks_no_glass)
{
    struct err e = {0};
    struct glass g = broke(&monitor, anna_data), again;
    later(HOUR + 71 * HOUR);
    again = broke(&monitor, bruno_data); /* not yet */
    CHECK_OK(ended(&monitor, &again, &again, &e));
    later(HOUR + MINUTE);
    refused(broken(&monitor, bruno_data, &again, &e), &e, ERR_GLASS, "emergency role is suspended");
    broke(&other, anna_data); /* nobody else is concerned */
    CHECK_OK(reviewed(&auditor, &g, &e));
    broke(&monitor, bruno_data);
}

TEST(no_more_wait_for_a_review_than_somebody_can_look_through)
{
    struct err e = {0};
    struct glass g = {0}, more;
    for (int i = 0; i < GLASS_UNREVIEWED; i++) {
        g = broke(&monitor, anna_data);
        CHECK_OK(ended(&monitor, &g, &g, &e));
    }
    refused(broken(&monitor, anna_data, &more, &e), &e, ERR_GLASS, "wait for their review");
    CHECK_OK(reviewed(&auditor, &g, &e));
    broke(&monitor, anna_data);
}

static void listed(const struct caller *c, int state, const char *want)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct glass_page page;
    struct glass_filter f = {.state = state, .limit = 2};
    struct audit_entry audit = act(c);
    struct buf b = buf_in(a, 1024);
    do {
        CHECK_OK(glass_list(&study, c, &f, &audit, a, &page, &e));
        for (int i = 0; i < page.n; i++) {
            const struct glass *g = &page.glass[i];
            buf_printf(&b, "%s%s:%c%s", b.n ? " " : "", glass_state_name(g->state), 'a' + g->holder[0] - monitor.id[0],
                       g->subject == anna_data ? "+" : "");
            f.after = true;
            f.after_overdue = g->state == GLASS_OVERDUE;
            memcpy(f.after_id, g->id, 16);
        }
    } while (page.more);
    CHECK_SLICE(buf_text(&b), want);
}

TEST(the_auditor_sees_all_of_them_the_overdue_first_and_a_holder_their_own)
{
    struct err e;
    broke(&monitor, anna_data);
    later(HOUR);
    struct glass r = broke(&other, anna_data);
    CHECK_OK(ended(&other, &r, &r, &e));
    CHECK_OK(reviewed(&auditor, &r, &e));
    later(72 * HOUR);
    r = broke(&other, bruno_data);
    CHECK_OK(ended(&other, &r, &r, &e));
    broke(&other, anna_data);
    /* to the auditor the person is the audit log's number, to the holder their own */
    listed(&auditor, -1, "overdue:a active:b ended:b reviewed:b");
    listed(&auditor, GLASS_OVERDUE, "overdue:a");
    listed(&auditor, GLASS_REVIEWED, "reviewed:b");
    listed(&auditor, GLASS_ENDED, "ended:b");
    listed(&auditor, GLASS_ACTIVE, "active:b");
    listed(&monitor, -1, "overdue:a+");
    listed(&other, -1, "active:b+ ended:b reviewed:b+");
}

/* Of every step, and of every access, an entry with the glass's id. */
TEST(every_step_is_in_the_log_and_every_access_names_its_glass)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e = {0};
    struct patient p;
    char id[UUID_TEXT];
    struct rows r;
    struct buf said = buf_in(a, 4096);
    struct glass g = broke(&monitor, anna_data), again;
    uuid_text(g.id, id);
    sees(&monitor, &g, anna_data, a, &p);
    later(HOUR);
    again = broke(&monitor, bruno_data); /* who looks next writes that the first has ended */
    CHECK_OK(reviewed(&auditor, &g, &e));
    CHECK_OK(audit_index(h.db, &e));
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT entry FROM audit ORDER BY idx") > 4, true);
    for (int i = 0; i < r.n; i++) {
        struct slice x = row_at(&r, i, 0)->s;
        static const char *const word[] = {"create", "read", "ended-by-time", "justified"};
        for (size_t k = 0; k < COUNT(word); k++)
            if (memmem(x.p, x.n, id, strlen(id)) && memmem(x.p, x.n, "bg", 2) &&
                memmem(x.p, x.n, word[k], strlen(word[k])))
                buf_printf(&said, "%s ", word[k]);
    }
    CHECK_SLICE(buf_text(&said), "create read ended-by-time justified ");
    (void)again;
}

/* --- at the same moment --- */

enum { READERS = 4, READS = 30 };
static struct glass shared;
static int seen_after[READERS];
static _Atomic bool over;

static void *keep_reading(void *arg)
{
    int me = *(int *)arg;
    struct err e = {0};
    struct patient p;
    for (int i = 0; i < READS; i++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        bool before = over;
        int rc = seen(&monitor, &shared, anna_data, a, &p, &e);
        seen_after[me] += rc == 1 && before;
        if (rc < 0 && e.code != ERR_GLASS)
            seen_after[me] += 1000;
    }
    arena_thread_end();
    return NULL;
}

TEST(nothing_is_read_under_it_once_it_has_ended)
{
    pthread_t t[READERS];
    int me[READERS];
    struct err e;
    struct glass end;
    shared = broke(&monitor, anna_data);
    over = false;
    for (int i = 0; i < READERS; i++) {
        me[i] = i;
        seen_after[i] = 0;
        CHECK_INT(pthread_create(&t[i], NULL, keep_reading, &me[i]), 0);
    }
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    CHECK_OK(ended(&monitor, &shared, &end, &e));
    over = true;
    int64_t uses = house_number(&h, "SELECT uses FROM glass");
    for (int i = 0; i < READERS; i++) {
        pthread_join(t[i], NULL);
        CHECK_INT(seen_after[i], 0);
    }
    CHECK_INT(house_number(&h, "SELECT uses FROM glass"), uses);
}

static void *keep_breaking(void *arg)
{
    struct err e = {0};
    struct glass_new n = {.subject = anna_data, .reason = GLASS_REASON_OTHER, .text = SLICE(why)};
    struct audit_entry audit = act(&monitor);
    struct arena *a = arena_new(4 << 20);
    struct glass g;
    int rc = glass_break(&study, &monitor, &n, &audit, a, &g, &e);
    *(int *)arg = rc == 0 ? 1 : e.code == ERR_CONFLICT ? 0 : 1000;
    arena_free(a);
    arena_thread_end();
    return NULL;
}

TEST(of_two_requests_at_once_one_breaks_the_glass)
{
    pthread_t t[READERS];
    int did[READERS], n = 0;
    for (int i = 0; i < READERS; i++)
        CHECK_INT(pthread_create(&t[i], NULL, keep_breaking, &did[i]), 0);
    for (int i = 0; i < READERS; i++) {
        pthread_join(t[i], NULL);
        n += did[i];
    }
    CHECK_INT(n, 1);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM glass"), 1);
}

TEST(a_reason_is_a_few_words)
{
    char text[2 * 501];
    for (int i = 0; i < 501; i++)
        memcpy(text + 2 * i, "ä", 2);
    CHECK(!glass_text_fits(SLICE("")));
    CHECK(!glass_text_fits(SLICE("fourteen chars")));
    CHECK(glass_text_fits(SLICE("fifteen chars !")));
    CHECK(glass_text_fits((struct slice){text, 1000}));
    CHECK(!glass_text_fits((struct slice){text, 1002}));
    CHECK(!glass_text_fits(SLICE("a bell \a is no word of anybody")));
    CHECK(!glass_text_fits(SLICE("\xff\xfe is no text, however long it is")));
    CHECK(glass_text_fits(SLICE("two lines\nare fine")));
}

TEST(it_moves_as_its_table_says)
{
    static const char *const want[] = {".x..", "..xx", "...x", "...."}; /* active ended overdue reviewed */
    for (int from = 0; from < GLASS_STATES; from++)
        for (int to = 0; to < GLASS_STATES; to++)
            CHECK_INT(glass_may_move((enum glass_state)from, (enum glass_state)to), want[from][to] == 'x');
}

/* Nothing of whom it was, nor of what was written, stands in the store in clear. */
TEST(the_store_says_neither_who_nor_why)
{
    static const char *const canary[] = {"neighbour", "ambulance"};
    char path[200];
    struct err e;
    if (house_shared())
        return;
    struct glass g = broke(&monitor, anna_data);
    CHECK_OK(ended(&monitor, &g, &g, &e));
    CHECK_OK(reviewed(&auditor, &g, &e));
    for (int wal = 0; wal < 2; wal++) {
        snprintf(path, sizeof path, "%s%s", h.db_path, wal ? "-wal" : "");
        OWN_FILE FILE *f = fopen(path, "rb");
        static char all[1 << 24];
        size_t n = f ? fread(all, 1, sizeof all, f) : 0;
        for (size_t i = 0; i < COUNT(canary); i++)
            CHECK(!memmem(all, n, canary[i], strlen(canary[i])));
    }
}

static struct bond_rows second;

static int move_in(struct tx *tx, void *arg, struct err *e)
{
    (void)arg;
    return tx_put(tx, e,
                  "INSERT INTO stream_edge (scope, id, stream_index, house_index, data_index, ends) VALUES ($1, $2, "
                  "$3, $4, $5, $6)",
                  V_ID(h.scope), V_ID(second.id[2]), V_ID(second.index[4]), V_ID(second.index[5]),
                  V_ID(second.index[6]), V_BLOB(second.stream));
}

/* The last test: somebody else moves into Anna's house. */
TEST(of_a_house_of_several_people_nobody_is_meant)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct glass g;
    struct naming x = {.doctors = anna};
    struct bond b;
    CHECK_OK(tx_run(h.db, find_bond, &x, &e));
    bond_make(&b);
    memcpy(b.house_nick, x.bond.house_nick, 16);
    CHECK_OK(bond_seal(&study, &b, a, &second, &e));
    CHECK_OK(tx_run(h.db, move_in, NULL, &e));
    refused(broken(&monitor, anna_house, &g, &e), &e, ERR_CONFLICT, "several people");
    broke(&monitor, anna_data);
}

#define G(name) cmocka_unit_test_setup(name, whole)
int main(void)
{
    const struct CMUnitTest tests[] = {
        G(an_emergency_opens_one_person_for_reading_for_an_hour),
        G(it_opens_nobody_else_and_for_nobody_else),
        G(whoever_has_not_just_signed_in_breaks_nothing),
        G(one_at_a_time_and_of_somebody_the_caller_can_name),
        G(another_auditor_reviews_what_has_ended_and_once),
        G(while_a_review_is_overdue_its_holder_breaks_no_glass),
        G(no_more_wait_for_a_review_than_somebody_can_look_through),
        G(the_auditor_sees_all_of_them_the_overdue_first_and_a_holder_their_own),
        G(every_step_is_in_the_log_and_every_access_names_its_glass),
        G(nothing_is_read_under_it_once_it_has_ended),
        G(of_two_requests_at_once_one_breaks_the_glass),
        G(a_reason_is_a_few_words),
        G(it_moves_as_its_table_says),
        G(the_store_says_neither_who_nor_why),
        G(of_a_house_of_several_people_nobody_is_meant),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
