#include "test.h"

#include <stdio.h>

#include "base/metric.h"
#include "base/rnd.h"
#include "study_house.h"
#include "policy/policy.h"
#include "study/patient.h"

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}}, monitor = {.role = ROLE_MONITOR, .id = {8}};

static const char anna[] = "{\"first_name\":\"Anna\",\"last_name\":\"Rossi\",\"codice_fiscale\":\"rss nna 80a41 h501 l\","
                           "\"home_address\":\"Via dei Glicini 7\",\"phone\":\"+39 06 1234567\",\"neuro_diag\":\"MCI\","
                           "\"age_class\":\"40-49\","
                           "\"medical_notes\":\"Zephyrine\\nagain\",\"date_join\":\"2026-03-01\"}";

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &monitor};
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

static struct audit_entry act(const char *action)
{
    return (struct audit_entry){.scope = h.scope, .actor = "dr", .role = "doctor", .action = action, .outcome = "permit"};
}

static struct patient formed(struct arena *a, const char *text)
{
    struct patient p;
    struct patient_fault fault[PATIENT_FAULTS];
    int n = patient_form(slice_of(text), a, &p, fault);
    if (n)
        fail_msg("%d: %s: %s", n, n > 0 ? fault[0].field : "", n > 0 ? fault[0].text : "");
    return p;
}

static int64_t enrolled(struct arena *a, const char *text)
{
    struct err e;
    struct patient p = formed(a, text), got;
    struct audit_entry audit = act("create");
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    return got.id;
}

/* People without an Italian tax code. */
static const char *person(struct arena *a, int n)
{
    static const char *const number[] = {"STP1234567890123", "ENI1234567890123", "STP0000000000007"};
    return arena_printf(a, "{\"first_name\":\"N%d\",\"last_name\":\"Provvisorio\",\"codice_fiscale\":\"%s\","
                           "\"date_join\":\"2026-04-%02d\"}", n, number[n - 1], n);
}

TEST(who_is_enrolled_is_read_as_they_were_told)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct patient got;
    struct audit_entry audit = act("read");
    int64_t id = enrolled(a, anna), before, after;
    CHECK_OK(audit_count(h.db, &before, &e));
    CHECK_INT(patient_read(&study, &doctor, id, &audit, a, &got, &e), 1);
    CHECK_OK(audit_index(h.db, &e));
    CHECK_OK(audit_count(h.db, &after, &e));
    CHECK_INT(after, before + 1);
    CHECK_SLICE(got.value[PATIENT_first_name], "Anna");
    CHECK_SLICE(got.value[PATIENT_codice_fiscale], "RSSNNA80A41H501L");
    CHECK_SLICE(got.value[PATIENT_gender], "female");
    CHECK_SLICE(got.value[PATIENT_date_of_birth], "1980-01-01");
    CHECK_SLICE(got.value[PATIENT_address], "Via dei Glicini 7");
    CHECK_SLICE(got.value[PATIENT_neuro_diag], "MCI");
    CHECK_SLICE(got.value[PATIENT_medical_notes], "Zephyrine\nagain");
    CHECK_SLICE(got.value[PATIENT_join_date], "2026-03-01");
    CHECK(!got.value[PATIENT_exit_date].p);
    CHECK(id > 0 && id < INT64_C(1) << 52);
    /* the same person twice */
    struct patient p = formed(a, anna);
    CHECK_INT(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e), -1);
    CHECK_INT(e.code, ERR_TAX_CODE);
}

TEST(a_role_without_a_view_of_people_reads_and_enrols_none)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e = {0};
    struct patient got, p = formed(a, person(a, 1));
    struct audit_entry audit = act("read");
    int64_t id = enrolled(a, person(a, 1));
    CHECK_INT(patient_read(&study, &monitor, id, &audit, a, &got, &e), 0); /* the doctor's number says nothing to them */
    CHECK_INT(patient_enrol(&study, &monitor, &p, &audit, a, &got, &e), -1);
    CHECK_INT(e.code, ERR_GATE);
    int64_t before, after;
    CHECK_OK(audit_index(h.db, &e));
    CHECK_OK(audit_count(h.db, &before, &e));
    CHECK_INT(patient_read(&study, &doctor, id + 1, &audit, a, &got, &e), 0);
    CHECK_OK(audit_index(h.db, &e));
    CHECK_OK(audit_count(h.db, &after, &e));
    CHECK_INT(after, before + 1); /* that somebody tried is an entry */
}

TEST(a_list_goes_page_by_page_and_says_how_many_there_are)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct patient_page page;
    struct audit_entry audit = act("read");
    enrolled(a, person(a, 2));
    enrolled(a, person(a, 3));
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.limit = 2}, &audit, a, &page, &e));
    CHECK_INT(page.n, 2);
    CHECK_INT(page.all, 4);
    CHECK_SLICE(page.patient[0].value[PATIENT_first_name], "N3");
    CHECK_SLICE(page.patient[1].value[PATIENT_first_name], "N2");
    CHECK(!page.patient[0].value[PATIENT_address].p);
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.after = page.next, .limit = 2}, &audit, a, &page, &e));
    CHECK_INT(page.n, 2);
    CHECK_SLICE(page.patient[1].value[PATIENT_first_name], "Anna");
    CHECK_INT(page.next, 0);
    CHECK_INT(patient_list(&study, &doctor, &(struct patient_query){.after = 12345, .limit = 2}, &audit, a, &page, &e), -1);
    CHECK_INT(e.code, ERR_NOT_FOUND);
}

TEST(a_form_says_what_is_wrong_with_it_and_repeats_nothing)
{
    static const struct {
        const char *form, *field, *says;
    } row[] = {
        {"{\"first_name\":\"A\",\"codice_fiscale\":\"STP1234567890123\"}", "last_name", "Field required"},
        {"{\"first_name\":7,\"last_name\":\"B\",\"codice_fiscale\":\"STP1234567890123\"}", "first_name", "Input should be a valid string"},
        {"{\"first_name\":\"Anna\",\"last_name\":\"Bianchi\",\"codice_fiscale\":\"RSSNNA80A41H501L\"}", "last_name", "surname"},
        {"{\"first_name\":\"Anna\",\"last_name\":\"Rossi\",\"codice_fiscale\":\"RSSNNA80A41H501X\"}", "codice_fiscale", "does not follow"},
        {"{\"first_name\":\"Anna\",\"last_name\":\"Rossi\",\"codice_fiscale\":\"RSSNNA80A41H501L\",\"gender\":\"male\"}", "gender", "sex"},
        {"{\"first_name\":\"A\",\"last_name\":\"B\",\"codice_fiscale\":\"STP1234567890123\",\"date_join\":\"1.3.2026\"}", "date_join",
         "YYYY-MM-DD"},
        {"{\"first_name\":\"A\",\"last_name\":\"B\",\"codice_fiscale\":\"STP1234567890123\",\"date_join\":\"2026-03-01\",\"date_exit\":"
         "\"2026-02-01\"}",
         "date_exit", "before date_join"},
        {"{\"first_name\":\"A\\u0007\",\"last_name\":\"B\",\"codice_fiscale\":\"STP1234567890123\"}", "first_name", "control characters"},
        {"{\"first_name\":\"A\",\"last_name\":\"B\",\"codice_fiscale\":\"STP1234567890123\",\"role\":\"admin\"}", NULL, "Extra inputs"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct patient p;
        struct patient_fault fault[PATIENT_FAULTS];
        int n = patient_form(slice_of(row[i].form), a, &p, fault);
        bool of_it = n > 0 && (row[i].field ? fault[0].field && strcmp(fault[0].field, row[i].field) == 0 : !fault[0].field);
        if (!of_it || !strstr(fault[0].text, row[i].says))
            fail_msg("%s: %d, %s: %s", row[i].form, n, n > 0 && fault[0].field ? fault[0].field : "", n > 0 ? fault[0].text : "");
    }
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct patient p;
    struct patient_fault fault[PATIENT_FAULTS];
    CHECK_INT(patient_form(SLICE("[]"), a, &p, fault), -1);
    CHECK_INT(patient_form(SLICE("{"), a, &p, fault), -1);
}

/* C4: nothing of a patient stands in the store in clear, nor do the ends of an edge beside each other. */
TEST(the_store_says_nothing_of_a_patient)
{
    static const char *const canary[] = {"Anna", "Rossi", "RSSNNA80A41H501L", "Glicini", "1234567", "MCI", "Zephyrine"};
    study_house_hides(&h, canary, COUNT(canary));
}

/* --- what it costs --- */

struct cost {
    int64_t statements, trips;
};

static struct cost cost_of_read(struct arena *a, int64_t id)
{
    struct err e;
    struct patient got;
    struct audit_entry audit = act("read");
    struct cost before = {metric_value[METRIC_STATEMENTS], metric_value[METRIC_TRIPS]};
    CHECK_INT(patient_read(&study, &doctor, id, &audit, a, &got, &e), 1);
    CHECK_SLICE(got.value[PATIENT_address], "Via dei Glicini 7");
    CHECK_SLICE(got.value[PATIENT_medical_notes], "Zephyrine\nagain");
    return (struct cost){metric_value[METRIC_STATEMENTS] - before.statements, metric_value[METRIC_TRIPS] - before.trips};
}

/* Statements: number, person, note, contacts, three edges, home, tickets, screening, the audit log's number, the entry; the keys the first
 * time; SQLite's BEGIN, SAVEPOINT, RELEASE and COMMIT, or the gate, in and out. Round trips: those that depend on each
 * other, and the commit. */
TEST(a_read_asks_no_more_of_the_store_than_it_must)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    int64_t id = enrolled(a, "{\"first_name\":\"Eva\",\"last_name\":\"Provvisoria\",\"codice_fiscale\":\"ENI0000000000009\","
                             "\"home_address\":\"Via dei Glicini 7\",\"neuro_diag\":\"MCI\",\"medical_notes\":\"Zephyrine\\nagain\"}");
    study_close(&study);
    keyring_close(h.keyring);
    CHECK_OK(keyring_open(h.key_path, h.db, &h.keyring, &e));
    CHECK_OK(study_open(h.db, h.keyring, h.scope, &study, &e));
    struct cost first = cost_of_read(a, id), again = cost_of_read(a, id);
    CHECK_INT(first.statements, house_shared() ? 15 : 17);
    CHECK_INT(again.statements, house_shared() ? 14 : 16);
    CHECK_INT(first.trips, house_shared() ? 7 : 0);
    CHECK_INT(again.trips, house_shared() ? 2 : 0);
}

/* Statements: page, how many, numbers, two edges, screenings, tickets, keys, the entry; the frame as above. */
TEST(a_page_is_not_asked_for_person_by_person)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct patient_page page;
    struct audit_entry audit = act("read");
    for (int i = 0; i < 60; i++)
        enrolled(a, arena_printf(a, "{\"first_name\":\"L%d\",\"last_name\":\"Lista\",\"codice_fiscale\":\"STP00000000001%02d\"}", i, i));
    study_close(&study);
    keyring_close(h.keyring);
    CHECK_OK(keyring_open(h.key_path, h.db, &h.keyring, &e));
    CHECK_OK(study_open(h.db, h.keyring, h.scope, &study, &e));
    int64_t before = metric_value[METRIC_STATEMENTS], trips = metric_value[METRIC_TRIPS];
    CHECK_OK(patient_list(&study, &doctor, &(struct patient_query){.limit = 50}, &audit, a, &page, &e));
    CHECK_INT(page.n, 50);
    CHECK_INT(metric_value[METRIC_STATEMENTS] - before, house_shared() ? 11 : 13);
    CHECK_INT(metric_value[METRIC_TRIPS] - trips, house_shared() ? 6 : 0);
}

static void reads_with_address(struct arena *a, int64_t id, bool address)
{
    struct err e;
    struct patient got;
    struct audit_entry audit = act("read");
    CHECK_INT(patient_read(&study, &doctor, id, &audit, a, &got, &e), 1);
    CHECK_SLICE(got.value[PATIENT_first_name], "Ida");
    CHECK_INT(got.value[PATIENT_address].p != NULL, address);
}

/* What belongs together is asked of the store each time, whatever is remembered of it. Last: all edges are broken. */
TEST(what_belongs_together_is_looked_at_each_time)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    struct patient got;
    struct audit_entry audit = act("read");
    int64_t id = enrolled(a, "{\"first_name\":\"Ida\",\"last_name\":\"Provvisoria\",\"codice_fiscale\":\"ENI0000000000010\","
                             "\"home_address\":\"Via dei Glicini 8\"}");
    reads_with_address(a, id, true);
    reads_with_address(a, id, true);
    house_sql(&h, "UPDATE home_edge SET house_index = id");
    reads_with_address(a, id, false);
    reads_with_address(a, id, false);
    house_sql(&h, "DELETE FROM patient_edge");
    reads_with_address(a, id, false);
    house_sql(&h, "DELETE FROM alias WHERE holder = 'doctor'");
    CHECK_INT(patient_read(&study, &doctor, id, &audit, a, &got, &e), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(who_is_enrolled_is_read_as_they_were_told),
        T(a_role_without_a_view_of_people_reads_and_enrols_none),
        T(a_list_goes_page_by_page_and_says_how_many_there_are),
        T(a_form_says_what_is_wrong_with_it_and_repeats_nothing),
        T(the_store_says_nothing_of_a_patient),
        T(a_read_asks_no_more_of_the_store_than_it_must),
        T(a_page_is_not_asked_for_person_by_person),
        T(what_belongs_together_is_looked_at_each_time),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
