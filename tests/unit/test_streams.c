#include "test.h"

#include <stdio.h>

#include "study_house.h"
#include "policy/policy.h"
#include "study/consent.h"
#include "study/erase.h"
#include "study/patient.h"
#include "study/sensor.h"
#include "study/stream_int.h"
#include "study/ticket.h"

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}, .name = "dr"},
                     monitor = {.role = ROLE_MONITOR, .id = {8}}, ivo = {.role = ROLE_INSTALLER, .id = {9}},
                     ida = {.role = ROLE_INSTALLER, .id = {10}}, rita = {.role = ROLE_RESEARCHER, .id = {11}};
static int people;
static const struct study_revs any;
static const char everything[] = "\"treatment\",\"monitoring\"";

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &monitor, &ivo, &ida, &rita};
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

/* Somebody new whose home ivo has: what each calls it. */
struct somebody {
    int64_t patient, house, watched;
};

static struct ticket newest(struct arena *a, const struct caller *c)
{
    struct err e;
    struct audit_entry audit = act(c);
    struct ticket_entries history;
    struct ticket t;
    CHECK_INT(ticket_read(&study, c, study_house_ticket(&h, c, true), &audit, a, &t, &history, &e), 1);
    return t;
}

static struct somebody enrolled(struct arena *a)
{
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act(&doctor);
    struct ticket t;
    const char *form = arena_printf(
        a, "{\"first_name\":\"N\",\"last_name\":\"Quarantotti\",\"codice_fiscale\":\"STP%013d\"}", ++people);
    CHECK_INT(patient_form(slice_of(form), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    const struct ticket i = newest(a, &ivo), m = newest(a, &monitor);
    CHECK_OK(ticket_do(&study, &ivo, i.id, DEED_TAKE, (struct slice){NULL, 0}, &any, &audit, a, &t, NULL, &e));
    return (struct somebody){got.id, i.patient_id, m.patient_id};
}

static void agrees(struct arena *a, int64_t patient, const char *purposes)
{
    struct err e;
    struct json j;
    struct json_fault where;
    struct consent c, got;
    const char *field;
    struct audit_entry audit = act(&doctor);
    const char *text = arena_printf(a, "{\"version\":\"1\",\"signed_at\":\"2026-03-01\",\"purposes\":[%s]}", purposes);
    assert_int_equal(json_parse(a, slice_of(text), &j, &where), 0);
    assert_null(consent_form(&j, a, &c, &field));
    CHECK_INT(consent_record(&study, &doctor, patient, &c, &(struct study_revs){.n = 0}, &audit, a, &got, &e), 1);
}

static void withdraws(struct arena *a, int64_t patient)
{
    struct err e;
    struct consent got;
    struct audit_entry audit = act(&doctor);
    CHECK_INT(consent_withdraw(&study, &doctor, patient, &(struct study_revs){.n = 0}, &audit, a, &got, &e), 1);
}

static const char *form(struct arena *a, const char *text, struct stream_card *ret)
{
    struct json j;
    struct json_fault where;
    const char *field = NULL;
    assert_int_equal(json_parse(a, slice_of(text), &j, &where), 0);
    const char *fault = stream_form(&j, a, ret, &field);
    return fault ? arena_printf(a, "%s: %s", field ? field : "-", fault) : NULL;
}

/* 0, or the code of the error. */
static enum err_code mounts(struct arena *a, const struct caller *c, int64_t house, const char *text,
                            struct sensor *ret)
{
    struct err e = {0};
    struct stream_card card;
    struct audit_entry audit = act(c);
    assert_null(form(a, text, &card));
    return sensor_add(&study, c, house, &card, &audit, a, ret, &e) ? e.code : 0;
}

static struct stream_page streams(struct arena *a, const struct caller *c, enum stream_of of, int64_t id)
{
    struct err e;
    struct stream_page page = {.n = -1};
    struct audit_entry audit = act(c);
    int got = stream_list(&study, c, of, id, 0, STREAMS_PAGE, &audit, a, &page, &e);
    if (got < 0)
        fail_msg("%s", e.detail);
    return page;
}

static struct sensor_page sensors(struct arena *a, const struct caller *c, int64_t house)
{
    struct err e;
    struct sensor_page page = {.n = -1};
    struct audit_entry audit = act(c);
    int got = sensor_list(&study, c, house, 0, SENSORS_PAGE, &audit, a, &page, &e);
    if (got < 0)
        fail_msg("%s", e.detail);
    return page;
}

TEST(a_sensor_is_mounted_and_its_stream_is_seen_by_others_under_other_numbers)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct sensor made;
    const struct somebody x = enrolled(a);
    agrees(a, x.patient, everything);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"power\",\"unit\":\"kW\",\"label\":\"ST-0042\"}", &made), 0);
    CHECK(made.patient_id == x.house && made.rev == 1 && made.since > 0 && made.since % 60000000 == 0 && !made.until);
    struct sensor_page mine = sensors(a, &ivo, x.house), treated = sensors(a, &doctor, x.patient);
    CHECK(mine.n == 1 && mine.all == 1 && mine.sensor[0].id == made.id && treated.n == 1);
    CHECK_SLICE(mine.sensor[0].card.label, "ST-0042");
    CHECK_SLICE(treated.sensor[0].card.label, "ST-0042");
    CHECK(treated.sensor[0].patient_id == x.patient && treated.sensor[0].id != made.id);
    struct stream_page m = streams(a, &monitor, STREAMS_OF_HOUSE, x.watched),
                       d = streams(a, &doctor, STREAMS_OF_HOUSE, x.patient),
                       p = streams(a, &doctor, STREAMS_OF_PERSON, x.patient);
    CHECK(m.n == 1 && d.n == 1 && p.n == 1 && m.all == 1);
    const struct stream s = m.stream[0];
    CHECK_SLICE(s.card.unit, "kW");
    CHECK(s.card.kind == STREAM_POWER && !s.card.label.p && s.patient_id == x.watched && s.data_id > 0 && s.epoch == 0);
    CHECK(s.since > 0 && s.since % 86400000000 == 0 && !s.until && !s.ended.p);
    CHECK(d.stream[0].id == p.stream[0].id && d.stream[0].patient_id == x.patient && d.stream[0].data_id == 0);
    struct stream_page by_data = streams(a, &monitor, STREAMS_OF_PERSON, s.data_id);
    CHECK(by_data.n == 1 && by_data.stream[0].id == s.id);
    /* no number is anybody else's, and none means a stream to who mounted it */
    const int64_t number[] = {x.patient, x.house,   x.watched,     made.id, treated.sensor[0].id,
                              s.id,      s.data_id, d.stream[0].id};
    for (size_t i = 0; i < COUNT(number); i++)
        for (size_t k = 0; k < i; k++)
            CHECK(number[i] > 0 && number[i] != number[k]);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM alias WHERE holder = 'installer' AND subject_index IN (SELECT "
                               "alias_index FROM stream)"),
              0);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM alias WHERE holder = 'monitor' AND subject_index IN (SELECT "
                               "alias_index FROM sensor)"),
              0);
}

TEST(each_role_finds_what_its_view_shows_and_nothing_by_numbers_of_others)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct sensor made, got;
    struct stream s;
    const struct somebody x = enrolled(a), other = enrolled(a);
    struct audit_entry audit = act(&monitor);
    agrees(a, x.patient, everything);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0);
    CHECK_INT(mounts(a, &ida, x.house, "{\"kind\":\"motion\"}", &got), ERR_NOT_FOUND); /* not given to her */
    CHECK_INT(mounts(a, &ivo, x.watched, "{\"kind\":\"motion\"}", &got), ERR_NOT_FOUND);
    CHECK_INT(sensors(a, &ida, x.house).n, -1);
    CHECK_INT(sensor_read(&study, &ida, made.id, &audit, a, &got, &e), 0);
    CHECK_INT(sensor_read(&study, &ivo, made.id, &audit, a, &got, &e), 1);
    const int64_t id = streams(a, &monitor, STREAMS_OF_HOUSE, x.watched).stream[0].id;
    CHECK_INT(stream_read(&study, &monitor, id, &audit, a, &s, &e), 1);
    CHECK_INT(stream_read(&study, &doctor, id, &audit, a, &s, &e), 0);
    CHECK_INT(stream_read(&study, &monitor, made.id, &audit, a, &s, &e), 0);
    CHECK_INT(stream_read(&study, &monitor, x.watched, &audit, a, &s, &e), 0);
    CHECK_INT(streams(a, &monitor, STREAMS_OF_HOUSE, x.house).n, -1);
    CHECK_INT(streams(a, &monitor, STREAMS_OF_HOUSE, id).n, -1);
    CHECK_INT(streams(a, &monitor, STREAMS_OF_PERSON, x.watched).n, -1);
    CHECK_INT(streams(a, &monitor, STREAMS_OF_HOUSE, other.watched).n, 0);
    CHECK_INT(streams(a, &rita, STREAMS_OF_PERSON, 7).n, -1); /* there are no projects */
    CHECK_INT(stream_read(&study, &ivo, id, &audit, a, &s, &e), 0);
    CHECK_INT(sensor_read(&study, &monitor, made.id, &audit, a, &got, &e), 0);
}

TEST(a_stream_is_read_only_while_there_is_consent_for_what_the_role_is_for)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    static const struct {
        const char *purposes; /* NULL: withdrawn */
        int doctor, monitor;
    } row[] = {
        {"\"treatment\"", 1, 0}, {"\"monitoring\"", 0, 1}, {"\"research\"", 0, 0}, {everything, 1, 1}, {NULL, 0, 0}};
    struct err e;
    struct sensor made;
    struct stream s;
    struct audit_entry audit = act(&doctor);
    const struct somebody x = enrolled(a);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0); /* nobody has said no */
    CHECK(streams(a, &doctor, STREAMS_OF_PERSON, x.patient).n == 0 &&
          streams(a, &monitor, STREAMS_OF_HOUSE, x.watched).n == 0);
    agrees(a, x.patient, everything);
    const int64_t to_doctor = streams(a, &doctor, STREAMS_OF_PERSON, x.patient).stream[0].id,
                  to_monitor = streams(a, &monitor, STREAMS_OF_HOUSE, x.watched).stream[0].id;
    for (size_t i = 0; i < COUNT(row); i++) {
        if (row[i].purposes)
            agrees(a, x.patient, row[i].purposes);
        else
            withdraws(a, x.patient);
        CHECK_INT(streams(a, &doctor, STREAMS_OF_PERSON, x.patient).n, row[i].doctor);
        CHECK_INT(streams(a, &monitor, STREAMS_OF_HOUSE, x.watched).all, row[i].monitor);
        CHECK_INT(stream_read(&study, &doctor, to_doctor, &audit, a, &s, &e), row[i].doctor);
        CHECK_INT(stream_read(&study, &monitor, to_monitor, &audit, a, &s, &e), row[i].monitor);
        if (!row[i].monitor) {
            CHECK_INT(stream_close(&study, &monitor, to_monitor, &any, &audit, a, &s, &e), -1);
            CHECK_INT(e.code, ERR_NOT_FOUND);
        }
    }
}

TEST(withdrawing_ends_every_stream_at_once_and_nothing_is_mounted_after_it)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct sensor made;
    const struct somebody x = enrolled(a), y = enrolled(a);
    agrees(a, x.patient, everything);
    agrees(a, y.patient, everything);
    for (int i = 0; i < 3; i++)
        CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0);
    CHECK_INT(mounts(a, &ivo, y.house, "{\"kind\":\"motion\"}", &made), 0);
    int64_t ended = house_number(&h, "SELECT count(*) FROM stream WHERE ended = 'withdrawn'");
    withdraws(a, x.patient);
    CHECK_INT(house_number(&h, "SELECT count(*) FROM stream WHERE ended = 'withdrawn'"), ended + 3);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), ERR_CONSENT);
    CHECK_INT(mounts(a, &ivo, y.house, "{\"kind\":\"motion\"}", &made), 0);
    struct sensor_page left = sensors(a, &ivo, x.house);
    CHECK_INT(left.n, 3);
    for (int i = 0; i < left.n; i++)
        CHECK(left.sensor[i].until > 0 && left.sensor[i].rev == 2);
    agrees(a, x.patient, everything); /* what has ended goes on no more; another one may begin */
    struct stream_page s = streams(a, &monitor, STREAMS_OF_HOUSE, x.watched);
    CHECK_INT(s.n, 3);
    for (int i = 0; i < s.n; i++)
        CHECK_SLICE(s.stream[i].ended, "withdrawn");
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0);
}

TEST(a_sensor_that_is_removed_and_a_stream_that_is_closed_end_both)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct sensor made, got;
    struct stream s;
    struct audit_entry audit = act(&ivo);
    const struct study_revs first = {{1}, 1}, ninth = {{9}, 1};
    const struct somebody x = enrolled(a);
    agrees(a, x.patient, everything);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0);
    CHECK_INT(sensor_remove(&study, &ivo, made.id, &ninth, &audit, a, &got, &e), -1);
    CHECK_INT(e.code, ERR_PRECONDITION);
    CHECK_OK(sensor_remove(&study, &ivo, made.id, &first, &audit, a, &got, &e));
    CHECK(got.until > 0 && got.rev == 2);
    s = streams(a, &monitor, STREAMS_OF_HOUSE, x.watched).stream[0];
    CHECK_SLICE(s.ended, "removed");
    CHECK_INT(sensor_remove(&study, &ivo, made.id, &any, &audit, a, &got, &e), -1);
    CHECK_INT(e.code, ERR_RULE);
    CHECK_INT(stream_close(&study, &monitor, s.id, &any, &audit, a, &s, &e), -1);
    CHECK_INT(e.code, ERR_RULE);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"steps\"}", &made), 0);
    struct stream_page both = streams(a, &doctor, STREAMS_OF_PERSON, x.patient);
    const struct stream steps = both.stream[both.stream[0].card.kind != STREAM_STEPS];
    CHECK_INT(stream_close(&study, &doctor, steps.id, &ninth, &audit, a, &s, &e), -1);
    CHECK_INT(e.code, ERR_PRECONDITION);
    CHECK_OK(stream_close(&study, &doctor, steps.id, &first, &audit, a, &s, &e));
    CHECK_SLICE(s.ended, "closed");
    CHECK(s.rev == 2 && s.until >= s.since);
    CHECK_INT(sensor_read(&study, &ivo, made.id, &audit, a, &got, &e), 1);
    CHECK(got.until > 0);
}

TEST(pages_go_on_in_the_order_of_the_callers_own_numbers)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct sensor made;
    struct audit_entry audit = act(&monitor);
    struct stream_page page;
    struct sensor_page kept;
    const struct somebody x = enrolled(a);
    agrees(a, x.patient, everything);
    for (int i = 0; i < 5; i++)
        CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0);
    int64_t after = 0, seen = 0;
    do {
        CHECK_INT(stream_list(&study, &monitor, STREAMS_OF_HOUSE, x.watched, after, 2, &audit, a, &page, &e), 1);
        CHECK_INT(page.all, 5);
        for (int i = 0; i < page.n; i++, seen++) {
            CHECK(page.stream[i].id > after);
            after = page.stream[i].id;
        }
    } while (page.next);
    CHECK_INT(seen, 5);
    after = seen = 0;
    do {
        CHECK_INT(sensor_list(&study, &ivo, x.house, after, 2, &audit, a, &kept, &e), 1);
        CHECK_INT(kept.all, 5);
        for (int i = 0; i < kept.n; i++, seen++) {
            CHECK(kept.sensor[i].id > after);
            after = kept.sensor[i].id;
        }
    } while (kept.next);
    CHECK_INT(seen, 5);
}

TEST(as_many_as_a_home_has_room_for)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    struct sensor made;
    const struct somebody x = enrolled(a);
    for (int i = 0; i < SENSORS_MOUNTED; i++)
        CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), 0);
    CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\"}", &made), ERR_RULE);
}

TEST(erasing_somebody_takes_streams_sensors_numbers_and_keys_along)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    struct err e;
    struct sensor made;
    struct erase_receipt receipt;
    struct audit_entry audit = act(&doctor);
    const struct somebody x = enrolled(a), y = enrolled(a);
    static const char *const count[] = {"SELECT count(*) FROM stream", "SELECT count(*) FROM sensor",
                                        "SELECT count(*) FROM stream_edge", "SELECT count(*) FROM alias"};
    int64_t before[COUNT(count)];
    CHECK_INT(mounts(a, &ivo, y.house, "{\"kind\":\"motion\",\"label\":\"Zephyrine\"}", &made), 0);
    for (size_t i = 0; i < COUNT(count); i++)
        before[i] = house_number(&h, count[i]);
    for (int i = 0; i < 3; i++)
        CHECK_INT(mounts(a, &ivo, x.house, "{\"kind\":\"motion\",\"label\":\"Zephyrine\"}", &made), 0);
    CHECK_INT(house_number(&h, count[0]), before[0] + 3);
    CHECK_INT(house_number(&h, count[3]), before[3] + 18); /* of each sensor, and of each stream, by three */
    CHECK_INT(patient_erase(&study, &doctor, x.patient, &(struct patient_match){.n = 0}, &audit, a, &receipt, &e), 1);
    CHECK_INT(receipt.subjects, 5 + 3);
    CHECK_INT(house_number(&h, count[0]), before[0]);
    CHECK_INT(house_number(&h, count[1]), before[1]);
    CHECK_INT(house_number(&h, count[2]), before[2] - 1); /* that of the bond, too */
    CHECK(house_number(&h, count[3]) < before[3]);
    for (int i = 0; i < receipt.subjects; i++) {
        char sql[200], hex[33];
        hex_encode(receipt.subject[i], 16, hex);
        snprintf(sql, sizeof sql, "SELECT count(*) FROM subject_key WHERE subject = x'%s' AND destroyed_at IS NULL",
                 hex);
        if (!house_shared())
            CHECK_INT(house_number(&h, sql), 0);
    }
    CHECK_INT(sensors(a, &ivo, x.house).n, -1);
    CHECK_INT(sensors(a, &ivo, y.house).n, 1);
    static const char *const word[] = {"Zephyrine", "motion"};
    study_house_hides(&h, word, COUNT(word));
}

TEST(what_does_not_fit_a_form_is_said)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    static const struct {
        const char *text, *says;
    } row[] = {{"{\"kind\":\"motion\"}", NULL},
               {"{\"kind\":\"water\",\"unit\":\"m3\",\"label\":null}", NULL},
               {"{}", "kind: Field required"},
               {"{\"kind\":\"camera\"}", "kind: "},
               {"{\"kind\":7}", "kind: "},
               {"{\"kind\":\"motion\",\"unit\":\"Cel\"}", "unit: "},
               {"{\"kind\":\"motion\",\"label\":\"a\\u0007b\"}", "label: "},
               {"{\"kind\":\"motion\",\"label\":\""
                "0123456789012345678901234567890123456789012345678901234567890123x\"}",
                "label: "},
               {"{\"kind\":\"motion\",\"stream\":7}", "-: Extra"}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct stream_card c;
        const char *said = form(a, row[i].text, &c);
        if ((said != NULL) != (row[i].says != NULL) || (said && strncmp(said, row[i].says, strlen(row[i].says)) != 0))
            fail_msg("%s: %s", row[i].text, said ? said : "fits");
    }
}

TEST(lists_take_the_way_of_an_index)
{
    static const char *const sql[] = {sensor_list_sql, sensor_count_sql, stream_list_sql};
    static char plan[8192];
    for (size_t i = 0; i < COUNT(sql); i++) {
        house_plan(&h, sql[i], plan, sizeof plan);
        if (strstr(plan, "SCAN") || strstr(plan, "Seq Scan"))
            fail_msg("%s\n%s", sql[i], plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_sensor_is_mounted_and_its_stream_is_seen_by_others_under_other_numbers),
        T(each_role_finds_what_its_view_shows_and_nothing_by_numbers_of_others),
        T(a_stream_is_read_only_while_there_is_consent_for_what_the_role_is_for),
        T(withdrawing_ends_every_stream_at_once_and_nothing_is_mounted_after_it),
        T(a_sensor_that_is_removed_and_a_stream_that_is_closed_end_both),
        T(pages_go_on_in_the_order_of_the_callers_own_numbers),
        T(as_many_as_a_home_has_room_for),
        T(erasing_somebody_takes_streams_sensors_numbers_and_keys_along),
        T(what_does_not_fit_a_form_is_said),
        T(lists_take_the_way_of_an_index),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
