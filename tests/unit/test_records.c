#include "test.h"

#include <stdio.h>

#include "base/rnd.h"
#include "study_house.h"
#include "policy/policy.h"
#include "study/consent.h"
#include "study/erase.h"
#include "study/history.h"
#include "study/patient.h"

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}, .name = "dr"},
                     monitor = {.role = ROLE_MONITOR, .id = {8}, .name = "mo"};

/* --- what the program asked of SQLite --- */

static char *asked[512];
static int asks;

static int traced(unsigned what, void *ctx, void *st, void *text)
{
    (void)what, (void)ctx, (void)text;
    const char *sql = sqlite3_sql(st);
    for (int i = 0; i < asks; i++)
        if (strcmp(asked[i], sql) == 0)
            return 0;
    if (asks < (int)COUNT(asked))
        asked[asks++] = strdup(sql);
    return 0;
}

static int trace(sqlite3 *db, const char **error, const void *api)
{
    (void)error, (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, traced, NULL);
}

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &monitor};
    (void)state;
    sqlite3_auto_extension((void (*)(void))trace);
    study_house_build(&h, &study, all, COUNT(all));
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    study_house_raze(&h, &study);
    while (asks)
        free(asked[--asks]);
    return 0;
}

static struct audit_entry act(const char *action)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = "dr", .role = "doctor", .action = action, .outcome = "permit"};
}

static int numbered;
/* Somebody with all there can be of them. */
static int64_t enrolled(struct arena *a)
{
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act("create");
    int n = ++numbered;
    const char *text = arena_printf(
        a,
        "{\"first_name\":\"Nome%d\",\"last_name\":\"Provvisorio\",\"codice_fiscale\":\"STP%013d\",\"home_address\":"
        "\"Via %d\","
        "\"neuro_diag\":\"MCI\",\"age_class\":\"70-79\",\"medical_notes\":\"first\",\"date_join\":\"2026-04-%02d\","
        "\"contacts\":[{\"alias\":\"c%d\"}]}",
        n, n, n, 1 + n % 28, n);
    CHECK_INT(patient_form(slice_of(text), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    return got.id;
}

static int changed(struct arena *a, int64_t id, const char *text, const char *tag, struct patient *ret, struct err *e)
{
    struct patient_edit edit;
    struct patient_faults faults = {.n = 0};
    struct patient_match only = {.n = tag != NULL, .tag = {slice_of(tag)}};
    struct audit_entry audit = act("update");
    CHECK_INT(patient_edit_form(slice_of(text), a, &edit, faults.fault), 0);
    return patient_change(&study, &doctor, id, &edit, &only, &audit, a, ret, &faults, e);
}

static struct version_page versions(struct arena *a, const struct caller *c, enum history_kind kind, int64_t id)
{
    struct err e;
    struct version_page page = {.n = -1};
    struct audit_entry audit = act("read");
    int found = history_list(&study, c, kind, id, 0, 10, &audit, a, &page, &e);
    if (found < 0)
        fail_msg("%s", e.detail);
    return page;
}

static struct consent agreed(struct arena *a, int64_t id, const char *purposes)
{
    struct err e;
    struct json j;
    struct json_fault where;
    struct consent c, got;
    const char *field;
    struct audit_entry audit = act("create");
    const char *text = arena_printf(a, "{\"version\":\"1\",\"signed_at\":\"2026-03-01\",\"purposes\":[%s]}", purposes);
    CHECK_OK(json_parse(a, slice_of(text), &j, &where));
    assert_null(consent_form(&j, a, &c, &field));
    CHECK_INT(consent_record(&study, &doctor, id, &c, &(struct study_revs){.n = 0}, &audit, a, &got, &e), 1);
    return got;
}

/* --- tests --- */

TEST(a_change_is_a_version_beside_the_others_and_names_the_one_it_is_of)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e = {0};
    struct patient p;
    char tag[PATIENT_TAG];
    int64_t id = enrolled(a);
    CHECK_INT(changed(a, id, "{\"neuro_diag\":\"AD\",\"medical_notes\":null}", "1.1.1.1.0", &p, &e), 1);
    CHECK_STR(patient_tag(&p, tag), "1.1.2.2.0");
    CHECK_SLICE(p.value[PATIENT_neuro_diag], "AD");
    CHECK_SLICE(p.value[PATIENT_age_class], "70-79");
    CHECK(!p.value[PATIENT_medical_notes].p);
    CHECK_INT(changed(a, id, "{\"phone\":\"1\"}", "1.1.1.1.0", &p, &e), -1);
    CHECK_INT(e.code, ERR_PRECONDITION);
    CHECK_INT(changed(a, id, "{\"phone\":\"1\"}", NULL, &p, &e), 1);
    CHECK_INT(changed(a, id + 1, "{\"phone\":\"1\"}", NULL, &p, &e), 0);
    struct version_page page = versions(a, &doctor, HISTORY_SCREENINGS, id);
    CHECK_INT(page.n, 2);
    CHECK_INT(page.all, 2);
    CHECK_SLICE(page.version[0].neuro_diag, "AD");
    CHECK_SLICE(page.version[1].neuro_diag, "MCI");
    CHECK_SLICE(page.version[1].author, "dr");
    page = versions(a, &doctor, HISTORY_NOTES, id);
    CHECK_INT(page.n, 2);
    CHECK(!page.version[0].text.p);
    CHECK_SLICE(page.version[1].text, "first");
}

/* Each value is bound to its version, its row and whose it is: one that was put in another's place does not open. */
TEST(a_version_in_the_place_of_another_does_not_open)
{
    static const struct {
        const char *breaks, *mends;
        enum history_kind kind;
    } row[] = {
        {"UPDATE screening SET rev = 3 - rev + 10", "UPDATE screening SET rev = 13 - rev", HISTORY_SCREENINGS},
        {"UPDATE note SET rev = 13 - rev", "UPDATE note SET rev = 13 - rev", HISTORY_NOTES},
        {"UPDATE note SET id = x'11111111111111111111111111111111' WHERE rev = 2", NULL, HISTORY_NOTES},
    };
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e = {0};
    struct patient p;
    house_sql(&h, "DELETE FROM note");
    int64_t id = enrolled(a);
    CHECK_INT(changed(a, id, "{\"neuro_diag\":\"AD\",\"medical_notes\":\"second\"}", NULL, &p, &e), 1);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct version_page page;
        struct audit_entry audit = act("read");
        CHECK_INT(versions(a, &doctor, row[i].kind, id).n, 2);
        house_sql(&h, row[i].breaks);
        CHECK_INT(history_list(&study, &doctor, row[i].kind, id, 0, 10, &audit, a, &page, &e), -1);
        CHECK_INT(e.code, ERR_KEYS);
        if (row[i].mends)
            house_sql(&h, row[i].mends);
    }
    house_sql(&h, "DELETE FROM note");
}

TEST(consent_is_asked_at_every_read_and_its_withdrawal_ends_them)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e = {0};
    struct consent c;
    struct version_page page;
    struct version v;
    struct audit_entry audit = act("read");
    int64_t id = enrolled(a);
    CHECK_OK(history_newest(&study, &monitor, 0, 10, &audit, a, &page, &e));
    CHECK_INT(page.n, 0);
    agreed(a, id, "\"research\"");
    CHECK_OK(history_newest(&study, &monitor, 0, 10, &audit, a, &page, &e));
    CHECK_INT(page.n, 0);
    agreed(a, id, "\"research\",\"monitoring\"");
    CHECK_OK(history_newest(&study, &monitor, 0, 10, &audit, a, &page, &e));
    CHECK_INT(page.n, 1);
    CHECK(!page.version[0].author.p); /* not shown to who watches over sensors */
    int64_t data = page.version[0].data;
    CHECK(data > 0 && data != id);
    CHECK_INT(versions(a, &monitor, HISTORY_SCREENINGS, data).n, 1);
    CHECK_INT(consent_read(&study, &monitor, data, &audit, a, &c, &e), 1);
    CHECK(!c.whole && c.purposes == (CONSENT_MONITORING | CONSENT_RESEARCH));
    CHECK_INT(consent_withdraw(&study, &doctor, id, &(struct study_revs){.n = 0}, &audit, a, &c, &e), 1);
    CHECK_INT(c.state, CONSENT_WITHDRAWN);
    CHECK_INT(versions(a, &monitor, HISTORY_SCREENINGS, data).n, -1);
    CHECK_INT(screening_add(&study, &doctor, id, &(struct screening_form){.neuro_diag = SLICE("x")}, &audit, a, &v, &e),
              -1);
    CHECK_INT(e.code, ERR_CONSENT);
    CHECK_INT(consent_withdraw(&study, &doctor, id, &(struct study_revs){.n = 0}, &audit, a, &c, &e), -1);
    CHECK_INT(e.code, ERR_CONFLICT);
    agreed(a, id, "\"monitoring\"");
    CHECK_INT(screening_add(&study, &doctor, id, &(struct screening_form){.neuro_diag = SLICE("x")}, &audit, a, &v, &e),
              1);
    CHECK_INT(versions(a, &monitor, HISTORY_SCREENINGS, data).n, 2); /* under the number they had */
}

/* Wraps of keys as they lie in the store. */
static int live_wraps(struct arena *a, struct rows *r)
{
    struct err e;
    return db_rows(h.db, a, r, &e, "SELECT wrapped FROM subject_key WHERE wrapped IS NOT NULL");
}

TEST(of_who_is_erased_there_is_no_row_no_number_and_no_wrapped_key)
{
    static const char *const tables[] = {"person",  "home",         "note",      "contact",     "screening",
                                         "consent", "patient_edge", "home_edge", "stream_edge", "alias"};
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    struct err e = {0};
    struct rows r, before, left;
    struct erase_receipt receipt;
    struct audit_entry audit = act("delete");
    int64_t count[COUNT(tables)], stays = enrolled(a);
    struct patient p;
    for (size_t i = 0; i < COUNT(tables); i++)
        count[i] = (db_rows(h.db, a, &r, &e, arena_printf(a, "SELECT count(*) FROM %s", tables[i])), r.cell[0].i);
    int keys = live_wraps(a, &left);
    int64_t id = enrolled(a);
    agreed(a, id, "\"monitoring\"");
    int all = live_wraps(a, &before);
    CHECK_INT(all, keys + 7); /* two of them the house's */
    CHECK_INT(patient_erase(&study, &doctor, id, &(struct patient_match){.n = 0}, &audit, a, &receipt, &e), 1);
    CHECK(receipt.audit_index > 0 && receipt.subjects == 5);
    for (size_t i = 0; i < COUNT(tables); i++) {
        CHECK_INT(db_rows(h.db, a, &r, &e, arena_printf(a, "SELECT count(*) FROM %s", tables[i])), 1);
        if (r.cell[0].i != count[i])
            fail_msg("%s: %lld rows, were %lld", tables[i], (long long)r.cell[0].i, (long long)count[i]);
    }
    CHECK_INT(live_wraps(a, &left), keys);
    CHECK_INT(patient_erase(&study, &doctor, id, &(struct patient_match){.n = 0}, &audit, a, &receipt, &e), 0);
    CHECK_INT(patient_read(&study, &doctor, stays, &audit, a, &p, &e), 1);
    if (house_shared())
        return;
    for (int wal = 0; wal < 2; wal++) {
        static char text[1 << 24];
        char path[200];
        snprintf(path, sizeof path, "%s%s", h.db_path, wal ? "-wal" : "");
        OWN_FILE FILE *f = fopen(path, "rb");
        size_t n = f ? fread(text, 1, sizeof text, f) : 0;
        CHECK(wal || n > 100000);
        for (int i = 0; i < before.n; i++) {
            bool live = false;
            for (int k = 0; k < left.n; k++)
                live |= slice_eq(row_at(&before, i, 0)->s, row_at(&left, k, 0)->s);
            if (!live && memmem(text, n, row_at(&before, i, 0)->s.p, row_at(&before, i, 0)->s.n))
                fail_msg("a wrapped key in %s", path);
        }
    }
}

struct again {
    const uint8_t *person;
    struct arena *a;
    int n;
};

static int again_body(struct tx *tx, void *arg, struct err *e)
{
    struct again *x = arg;
    x->n = patient_erase_again(tx, &study, x->person, x->a, e);
    return x->n < 0 ? -1 : 0;
}

TEST(a_restored_row_is_erased_again)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e = {0};
    struct rows r;
    struct patient_page page;
    struct audit_entry audit = act("read");
    enrolled(a);
    CHECK_INT(db_rows(h.db, a, &r, &e, "SELECT id FROM person ORDER BY joined_on DESC, id DESC LIMIT 1"), 1);
    struct again x = {(const uint8_t *)r.cell[0].s.p, a, 0};
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.limit = 1}, &audit, a, &page, &e));
    int64_t all = page.all;
    CHECK_OK(tx_run(h.db, again_body, &x, &e));
    CHECK_INT(x.n, 12); /* person, home, note, contact, screening; the house: installation, ticket, what it says, numbers */
    CHECK_OK(tx_run(h.db, again_body, &x, &e));
    CHECK_INT(x.n, 0);
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.limit = 1}, &audit, a, &page, &e));
    CHECK_INT(page.all, all - 1);
}

/* More than the roster has room for at first, and asked again when nothing has changed. */
TEST(everybody_is_found_however_many_they_are)
{
    enum { MANY = 300 };
    struct err e = {0};
    struct patient_page page;
    struct audit_entry audit = act("read");
    int64_t some = 0, all = 0;
    for (int i = 0; i < MANY; i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        int64_t id = enrolled(a);
        some = i == MANY / 2 ? id : some;
    }
    for (int round = 0; round < 4; round++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        struct patient p;
        struct patient_query q = {.name = SLICE("prov nome"), .limit = 100};
        int64_t seen = 0, last = 0;
        do {
            CHECK_OK(patient_list(&study, &doctor, &q, &audit, a, &page, &e));
            seen += page.n;
            last = page.all;
            q.after = page.next;
        } while (page.next);
        CHECK_INT(seen, last);
        CHECK(last >= MANY && (!all || last == all));
        all = last;
        if (round == 1) /* one is another, then called so again */
            CHECK_INT(changed(a, some, "{\"last_name\":\"Altro\",\"first_name\":\"Nome\"}", NULL, &p, &e), 1), all--;
        if (round == 2)
            CHECK_INT(changed(a, some, "{\"last_name\":\"Provato\"}", NULL, &p, &e), 1), all++;
    }
}

/* Every statement there was so far, of the study's tables: none reads a whole table to find what it is about. */
TEST(lists_are_read_by_an_index)
{
    static const char *const tables[] = {"person",       "home",        "note",      "contact", "screening",  "consent",
                                         "patient_edge", "stream_edge", "home_edge", "alias",   "subject_key"};
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e = {0};
    struct patient_page page;
    struct audit_entry audit = act("read");
    sqlite3 *raw;
    int looked = 0;
    if (house_shared())
        return;
    for (int sort = PATIENTS_NEWEST_FIRST; sort <= PATIENTS_BY_NAME; sort++)
        for (int who = PATIENTS_ALL; who <= PATIENTS_LEFT; who++)
            CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.sort = sort, .who = who, .limit = 2},
                                  &audit, a, &page, &e));
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.name = SLICE("nome"), .limit = 2}, &audit, a, &page,
                          &e));
    CHECK(page.n > 0);
    CHECK_INT(sqlite3_open_v2(h.db_path, &raw, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    int n = asks;
    for (int i = 0; i < n; i++) {
        sqlite3_stmt *st;
        bool ours = false, counts = strstr(asked[i], "count(*)") != NULL;
        for (size_t t = 0; t < COUNT(tables); t++)
            ours |= strstr(asked[i], arena_printf(a, "FROM %s ", tables[t])) != NULL;
        if (!ours || strncmp(asked[i], "SELECT", 6) != 0 || strstr(asked[i], "scope = $1") == NULL)
            continue;
        CHECK_INT(sqlite3_prepare_v2(raw, arena_printf(a, "EXPLAIN QUERY PLAN %s", asked[i]), -1, &st, NULL),
                  SQLITE_OK);
        looked++;
        while (sqlite3_step(st) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(st, 3);
            bool scan = strncmp(step, "SCAN ", 5) == 0 && strncmp(step, "SCAN CONSTANT", 13) != 0;
            bool sort = strstr(step, "TEMP B-TREE") != NULL;
            if ((scan && !(counts && strstr(step, "COVERING INDEX"))) || sort)
                fail_msg("%s: %s", step, asked[i]);
        }
        sqlite3_finalize(st);
    }
    sqlite3_close(raw);
    CHECK(looked > 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_change_is_a_version_beside_the_others_and_names_the_one_it_is_of),
        T(a_version_in_the_place_of_another_does_not_open),
        T(consent_is_asked_at_every_read_and_its_withdrawal_ends_them),
        T(of_who_is_erased_there_is_no_row_no_number_and_no_wrapped_key),
        T(a_restored_row_is_erased_again),
        T(everybody_is_found_however_many_they_are),
        T(lists_are_read_by_an_index),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
