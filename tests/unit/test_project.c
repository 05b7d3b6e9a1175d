#include "test.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/metric.h"
#include "study_house.h"
#include "policy/policy.h"
#include "study/cohort.h"
#include "study/consent.h"
#include "study/erase.h"
#include "study/history.h"
#include "study/installation.h"
#include "study/patient.h"
#include "study/project_int.h"
#include "study/sensor.h"
#include "study/ticket.h"

#define DAY        INT64_C(86400000000)
#define FOUR_WEEKS (28 * DAY)

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}, .name = "dr"},
                     rita = {.role = ROLE_RESEARCHER, .id = {8}}, rosa = {.role = ROLE_RESEARCHER, .id = {9}},
                     auditor = {.role = ROLE_AUDITOR, .id = {10}}, ivo = {.role = ROLE_INSTALLER, .id = {11}};
static int people;
static struct arena *mem;

static int open_house(void **state)
{
    struct caller *const all[] = {&doctor, &rita, &rosa, &auditor, &ivo};
    (void)state;
    study_house_build(&h, &study, all, COUNT(all));
    mem = arena_new(256 << 20);
    return 0;
}

static int raze_house(void **state)
{
    (void)state;
    arena_free(mem);
    study_house_raze(&h, &study);
    return 0;
}

/* Before each test nobody consents, and there is no project. */
static int nobody(void **state)
{
    (void)state;
    house_sql(&h, "DELETE FROM project; DELETE FROM alias WHERE holder LIKE 'project:%'; DELETE FROM consent;");
    return 0;
}

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = "somebody", .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

/* --- people --- */

static void agrees(int64_t patient, const char *purposes)
{
    struct err e;
    struct json j;
    struct json_fault where;
    struct consent c, got;
    const char *field;
    struct audit_entry audit = act(&doctor);
    const char *text =
        arena_printf(mem, "{\"version\":\"1\",\"signed_at\":\"2026-03-01\",\"purposes\":[%s]}", purposes);
    assert_int_equal(json_parse(mem, slice_of(text), &j, &where), 0);
    assert_null(consent_form(&j, mem, &c, &field));
    CHECK_INT(consent_record(&study, &doctor, patient, &c, &(struct study_revs){.n = 0}, &audit, mem, &got, &e), 1);
}

static void withdraws(int64_t patient)
{
    struct err e;
    struct consent got;
    struct audit_entry audit = act(&doctor);
    CHECK_INT(consent_withdraw(&study, &doctor, patient, &(struct study_revs){.n = 0}, &audit, mem, &got, &e), 1);
}

/* Somebody with this diagnosis and age class, who agrees to research. */
static int64_t enrolled(const char *diag, const char *age)
{
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct audit_entry audit = act(&doctor);
    const char *form = arena_printf(mem,
                                    "{\"first_name\":\"N\",\"last_name\":\"Quarantotti\",\"codice_fiscale\":"
                                    "\"STP%013d\",\"neuro_diag\":\"%s\",\"age_class\":\"%s\"}",
                                    ++people, diag, age);
    CHECK_INT(patient_form(slice_of(form), mem, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, mem, &got, &e));
    agrees(got.id, "\"research\"");
    return got.id;
}

static void erased(int64_t patient)
{
    struct err e;
    struct erase_receipt receipt;
    struct audit_entry audit = act(&doctor);
    CHECK_INT(patient_erase(&study, &doctor, patient, &(struct patient_match){.n = 0}, &audit, mem, &receipt, &e), 1);
}

/* --- projects --- */

static const char *form_fault(const char *text, struct project_new *ret)
{
    struct json j;
    struct json_fault where;
    const char *field = NULL;
    assert_int_equal(json_parse(mem, slice_of(text), &j, &where), 0);
    const char *fault = project_form(&j, mem, ret, &field);
    return fault ? arena_printf(mem, "%s: %s", field ? field : "-", fault) : NULL;
}

static const char *day_of(int64_t days_ahead)
{
    char text[CLOCK_TEXT];
    clock_text((clock_now_us() / DAY + days_ahead) * DAY, text);
    return arena_printf(mem, "%.10s", text);
}

static const char *form_of(const char *title, const char *data, int64_t days)
{
    return arena_printf(mem,
                        "{\"title\":\"%s\",\"question\":\"Does sleep change before diagnosis?\",\"data\":[%s],"
                        "\"until\":\"%s\"}",
                        title, data, day_of(days));
}

static int proposed(const struct caller *c, const char *data, struct project *ret, struct err *e)
{
    struct project_new n;
    struct audit_entry audit = act(c);
    const char *fault = form_fault(form_of("Sleep", data, 30), &n);
    if (fault)
        fail_msg("%s", fault);
    return project_propose(&study, c, &n, &audit, mem, ret, e);
}

static struct project proposes(const struct caller *c, const char *data)
{
    struct err e;
    struct project p;
    CHECK_OK(proposed(c, data, &p, &e));
    return p;
}

static int decided(const struct caller *c, const struct project *p, enum project_state to, struct project *ret,
                   struct err *e)
{
    struct audit_entry audit = act(c);
    struct project_decision n = {to, SLICE("The question is a good one.")};
    return project_decide(&study, c, p->id, &n, &audit, mem, ret, e);
}

static struct project approved(const struct caller *c, const char *data)
{
    struct err e;
    struct project p = proposes(c, data), now;
    CHECK_OK(decided(&auditor, &p, PROJECT_APPROVED, &now, &e));
    CHECK_INT(now.state, PROJECT_APPROVED);
    return now;
}

static int ended(const struct caller *c, const struct project *p, struct project *ret, struct err *e)
{
    struct audit_entry audit = act(c);
    return project_end(&study, c, p->id, &audit, mem, ret, e);
}

static int shown(const struct caller *c, const struct project *p, int64_t after, int limit, struct cohort_findings *ret,
                 struct err *e)
{
    struct audit_entry audit = act(c);
    return cohort_screenings(&study, c, p->id, after, limit, &audit, mem, ret, e);
}

static struct cohort_findings shows(const struct caller *c, const struct project *p)
{
    struct err e = {0};
    struct cohort_findings page = {.n = -1};
    int got = shown(c, p, 0, COHORT_PAGE, &page, &e);
    if (got < 1)
        fail_msg("%d: %s", got, e.detail);
    return page;
}

static void refused(int rc, const struct err *e, enum err_code code, const char *says)
{
    if (rc != -1 || e->code != code || !strstr(e->detail, says))
        fail_msg("%d, %s: %s", rc, rc ? err_name(e->code) : "", rc ? e->detail : "");
}

static int64_t aliases_of(const struct project *p)
{
    char holder[PROJECT_HOLDER_TEXT];
    return house_number(
        &h, arena_printf(mem, "SELECT count(*) FROM alias WHERE holder = '%s'", project_holder(p->id, holder)));
}

static int64_t entries(const char *why)
{
    char sql[256], hex[64];
    hex_encode(why, strlen(why), hex); /* an entry is CBOR: the word stands in it as it is */
    snprintf(sql, sizeof sql, "SELECT count(*) FROM audit WHERE instr(entry, x'%s') > 0", hex);
    if (house_shared()) {
        char text[512];
        house_translate(sql, text, sizeof text);
        return house_number(&h, strstr(text, "SELECT"));
    }
    return house_number(&h, sql);
}

/* --- tests --- */

TEST(the_states_move_as_was_agreed)
{
    static const char *const moves[PROJECT_STATES] = {
        [PROJECT_PROPOSED] = "-arx", [PROJECT_APPROVED] = "---x", [PROJECT_REFUSED] = "----", [PROJECT_ENDED] = "----"};
    static const char *const names[PROJECT_STATES] = {"proposed", "approved", "refused", "ended"};
    for (int from = 0; from < PROJECT_STATES; from++) {
        enum project_state named;
        CHECK(project_state_named(slice_of(names[from]), &named) && (int)named == from);
        for (int to = 0; to < PROJECT_STATES; to++)
            CHECK_INT(project_may_move((enum project_state)from, (enum project_state)to), moves[from][to] != '-');
    }
}

TEST(a_form_says_what_is_wrong_with_it)
{
    struct project_new n;
    const char *long_title = arena_printf(mem, "%0121d", 7);
    const struct {
        const char *form, *fault;
    } row[] = {
        {"{}", "title: Field required"},
        {"{\"title\":\"ab\"}", "title: Value error, 3 to 120 characters, none of them control characters"},
        {"{\"title\":7}", "title: Value error, 3 to 120 characters, none of them control characters"},
        {"{\"title\":\"a\\nb c\"}", "title: Value error, 3 to 120 characters, none of them control characters"},
        {arena_printf(mem, "{\"title\":\"%s\"}", long_title),
         "title: Value error, 3 to 120 characters, none of them control characters"},
        {"{\"title\":\"abc\"}", "question: Field required"},
        {"{\"question\":\"short\"}", "question: Value error, 15 to 4000 characters, none of them control characters"},
        {"{\"data\":[]}", "data: Value error, a project asks for 'screenings', 'streams' or both"},
        {"{\"data\":\"streams\"}", "data: Value error, a project asks for 'screenings', 'streams' or both"},
        {"{\"data\":[\"notes\"]}", "data: Value error, a project asks for 'screenings', 'streams' or both"},
        {"{\"data\":[\"streams\",{\"a\":\"streams\"}]}",
         "data: Value error, a project asks for 'screenings', 'streams' or both"},
        {"{\"until\":\"1.3.2027\"}", "until: Value error, a date is written YYYY-MM-DD"},
        {"{\"until\":\"2027-13-01\"}", "until: Value error, a date is written YYYY-MM-DD"},
        {"{\"until\":\"2026-01-01\"}",
         "until: Value error, a project goes on until today or later, and no longer than two years"},
        {form_of("Sleep", "\"streams\"", 732),
         "until: Value error, a project goes on until today or later, and no longer than two years"},
        {"{\"state\":\"approved\"}", "-: Extra inputs are not permitted"},
        {form_of("Sleep", "\"streams\"", 731), NULL},
        {form_of("Sleep", "\"screenings\",\"streams\"", 0), NULL},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *fault = form_fault(row[i].form, &n);
        if ((fault == NULL) != (row[i].fault == NULL) || (fault && strcmp(fault, row[i].fault) != 0))
            fail_msg("%s: %s", row[i].form, fault ? fault : "none");
    }
    CHECK_INT(n.data, PROJECT_SCREENINGS | PROJECT_STREAMS);
    CHECK(n.until > clock_now_us() && n.until <= clock_now_us() + DAY);
}

TEST(a_project_waits_is_approved_by_somebody_else_and_ends_once)
{
    struct err e;
    struct project p = proposes(&rita, "\"screenings\""), got;
    CHECK_INT(p.state, PROJECT_PROPOSED);
    CHECK_SLICE(p.title, "Sleep");
    CHECK(memcmp(p.owner, rita.id, 16) == 0 && !p.decided_at && !p.ended_at && !p.reason.p);
    const struct caller both = {.role = ROLE_AUDITOR, .id = {8}}; /* granted before these were kept apart */
    struct caller self = both;
    memcpy(self.scope, h.scope, 16);
    refused(decided(&self, &p, PROJECT_APPROVED, &got, &e), &e, ERR_RULE,
            "nobody decides about a project of their own");
    CHECK_OK(decided(&auditor, &p, PROJECT_APPROVED, &got, &e));
    CHECK_INT(got.state, PROJECT_APPROVED);
    CHECK_SLICE(got.reason, "The question is a good one.");
    CHECK(memcmp(got.decided_by, auditor.id, 16) == 0 && got.decided_at > 0);
    refused(decided(&auditor, &p, PROJECT_REFUSED, &got, &e), &e, ERR_RULE, "approved already");
    CHECK_OK(ended(&rita, &p, &got, &e));
    CHECK_INT(got.state, PROJECT_ENDED);
    CHECK(memcmp(got.ended_by, rita.id, 16) == 0 && got.ended_at > 0);
    refused(ended(&rita, &p, &got, &e), &e, ERR_RULE, "this project is over");
    refused(decided(&auditor, &p, PROJECT_APPROVED, &got, &e), &e, ERR_RULE, "this project is over");
    struct project second = proposes(&rita, "\"streams\"");
    CHECK_OK(decided(&auditor, &second, PROJECT_REFUSED, &got, &e));
    refused(ended(&rita, &second, &got, &e), &e, ERR_RULE, "refused already");
    struct project third = proposes(&rita, "\"streams\"");
    CHECK_OK(ended(&auditor, &third, &got, &e));
    CHECK(memcmp(got.ended_by, auditor.id, 16) == 0);
    /* the table itself holds that nobody decides about their own */
    CHECK_INT(entries("ended-by-researcher"), 1);
    CHECK_INT(entries("ended-by-auditor"), 1);
}

TEST(one_researcher_sees_nothing_of_anothers_and_an_auditor_all)
{
    struct err e;
    struct project p = proposes(&rita, "\"screenings\""), got;
    struct project_page page;
    struct audit_entry audit = act(&rosa);
    const struct project_filter any = {.state = -1, .limit = PROJECT_PAGE};
    CHECK_INT(project_read(&study, &rosa, p.id, &audit, mem, &got, &e), 0);
    CHECK_OK(project_list(&study, &rosa, &any, &audit, mem, &page, &e));
    CHECK_INT(page.n, 0);
    refused(ended(&rosa, &p, &got, &e), &e, ERR_NOT_FOUND, "");
    CHECK_INT(project_read(&study, &auditor, p.id, &audit, mem, &got, &e), 1);
    CHECK_SLICE(got.title, "Sleep");
    CHECK_OK(project_list(&study, &auditor, &any, &audit, mem, &page, &e));
    CHECK_INT(page.n, 1);
    CHECK_OK(project_list(&study, &rita, &any, &audit, mem, &page, &e));
    CHECK_INT(page.n, 1);
    for (int i = 0; i < 5; i++)
        enrolled("MCI", "70-79");
    struct cohort_findings none;
    p = approved(&rita, "\"screenings\"");
    CHECK_INT(shown(&rosa, &p, 0, 10, &none, &e), 0);
    CHECK_INT(shows(&rita, &p).n, 5);
}

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct project *)a)->id, ((const struct project *)b)->id, 16);
}

TEST(projects_are_listed_page_by_page_the_newest_first_and_by_state)
{
    struct err e;
    struct project made[3], got;
    struct audit_entry audit = act(&rita);
    struct project_page page;
    for (int i = 0; i < 3; i++)
        made[i] = proposes(&rita, "\"streams\"");
    qsort(made, 3, sizeof *made, by_id); /* of one millisecond any may come first */
    CHECK_OK(decided(&auditor, &made[1], PROJECT_REFUSED, &got, &e));
    struct project_filter f = {.state = -1, .limit = 2};
    CHECK_OK(project_list(&study, &rita, &f, &audit, mem, &page, &e));
    CHECK(page.n == 2 && page.more && memcmp(page.project[0].id, made[2].id, 16) == 0);
    f.after = page.project[1].id;
    CHECK_OK(project_list(&study, &rita, &f, &audit, mem, &page, &e));
    CHECK(page.n == 1 && !page.more && memcmp(page.project[0].id, made[0].id, 16) == 0);
    f = (struct project_filter){.state = PROJECT_REFUSED, .limit = 2};
    CHECK_OK(project_list(&study, &auditor, &f, &audit, mem, &page, &e));
    CHECK(page.n == 1 && memcmp(page.project[0].id, made[1].id, 16) == 0);
}

TEST(a_researcher_has_so_many_open_projects)
{
    struct err e;
    struct project got;
    for (int i = 0; i < PROJECTS_OPEN; i++)
        got = proposes(&rita, "\"streams\"");
    refused(proposed(&rita, "\"streams\"", &got, &e), &e, ERR_RULE, "20 projects of yours");
    CHECK_OK(proposed(&rosa, "\"streams\"", &got, &e));
    struct project_page page;
    struct audit_entry audit = act(&rita);
    const struct project_filter f = {.state = PROJECT_PROPOSED, .limit = 1};
    CHECK_OK(project_list(&study, &rita, &f, &audit, mem, &page, &e));
    CHECK_OK(ended(&rita, &page.project[0], &got, &e));
    CHECK_OK(proposed(&rita, "\"streams\"", &got, &e));
}

TEST(nobody_is_shown_but_in_an_approved_project_that_asked)
{
    struct err e;
    struct project got;
    struct cohort_findings none;
    struct cohort_people no_streams;
    struct audit_entry audit = act(&rita);
    for (int i = 0; i < 5; i++)
        enrolled("MCI", "70-79");
    struct project waits = proposes(&rita, "\"screenings\""), refuses = proposes(&rita, "\"screenings\""),
                   streams = approved(&rita, "\"streams\""), screenings = approved(&rita, "\"screenings\"");
    CHECK_OK(decided(&auditor, &refuses, PROJECT_REFUSED, &got, &e));
    refused(shown(&rita, &waits, 0, 10, &none, &e), &e, ERR_RULE, "waits for an auditor");
    refused(shown(&rita, &refuses, 0, 10, &none, &e), &e, ERR_RULE, "refused already");
    refused(shown(&rita, &streams, 0, 10, &none, &e), &e, ERR_RULE, "did not ask for these data");
    refused(cohort_streams(&study, &rita, screenings.id, 0, 10, &audit, mem, &no_streams, &e), &e, ERR_RULE,
            "did not ask for these data");
    CHECK_INT(shows(&rita, &screenings).n, 5);
    CHECK_OK(ended(&rita, &screenings, &got, &e));
    refused(shown(&rita, &screenings, 0, 10, &none, &e), &e, ERR_RULE, "this project is over");
}

TEST(a_cohort_of_fewer_than_five_shows_nobody)
{
    struct err e;
    struct cohort_findings page;
    const struct project p = approved(&rita, "\"screenings\"");
    int64_t id[5];
    for (int i = 0; i < 4; i++)
        id[i] = enrolled("MCI", "70-79");
    refused(shown(&rita, &p, 0, 10, &page, &e), &e, ERR_RULE, "fewer than 5 people");
    CHECK_INT(aliases_of(&p), 0);
    id[4] = enrolled("MCI", "70-79");
    page = shows(&rita, &p);
    CHECK(page.n == 5 && page.all == 5);
    for (int i = 0; i < 5; i++) {
        CHECK(!page.finding[i].withheld && page.finding[i].data > 0);
        CHECK_SLICE(page.finding[i].neuro_diag, "MCI");
        CHECK_SLICE(page.finding[i].age_class, "70-79");
    }
    withdraws(id[2]);
    refused(shown(&rita, &p, 0, 10, &page, &e), &e, ERR_RULE, "fewer than 5 people");
}

/* Which of these combinations are told, of a cohort of 14. */
TEST(what_fewer_than_five_have_together_is_withheld)
{
    static const struct {
        const char *diag, *age;
        int n, told;
    } row[] = {{"MCI", "70-79", 5, 5}, {"MCI", "80-89", 4, 0}, {"AD", "70-79", 4, 0}, {"mci", "70-79", 1, 0}};
    const struct project p = approved(&rita, "\"screenings\"");
    for (size_t i = 0; i < COUNT(row); i++)
        for (int k = 0; k < row[i].n; k++)
            enrolled(row[i].diag, row[i].age);
    const struct cohort_findings page = shows(&rita, &p);
    CHECK(page.n == 14 && page.all == 14);
    int told = 0, withheld = 0;
    for (int i = 0; i < page.n; i++) {
        const struct cohort_finding *f = &page.finding[i];
        CHECK(f->withheld == (f->neuro_diag.p == NULL) && f->withheld == (f->age_class.p == NULL));
        told += slice_is(f->neuro_diag, "MCI") && slice_is(f->age_class, "70-79");
        withheld += f->withheld;
    }
    CHECK_INT(told, 5);
    CHECK_INT(withheld, 9);
    /* a page tells the same of each as the whole: what is rare is rare in the cohort */
    struct cohort_findings one;
    struct err e;
    int64_t after = 0;
    for (int i = 0; i < page.n; i++) {
        CHECK_INT(shown(&rita, &p, after, 1, &one, &e), 1);
        CHECK(one.n == 1 && one.all == 14 && one.finding[0].data == page.finding[i].data &&
              one.finding[0].withheld == page.finding[i].withheld && one.finding[0].data > after);
        after = one.next;
    }
    CHECK_INT(after, 0);
}

TEST(the_newest_screening_counts)
{
    struct err e;
    struct json j;
    struct json_fault where;
    struct screening_form form;
    struct version made;
    const char *field;
    struct audit_entry audit = act(&doctor);
    const struct project p = approved(&rita, "\"screenings\"");
    int64_t first = 0;
    for (int i = 0; i < 5; i++)
        first = enrolled("MCI", "70-79");
    CHECK_INT(json_parse(mem, SLICE("{\"neuro_diag\":\"AD\",\"age_class\":\"70-79\"}"), &j, &where), 0);
    assert_null(screening_form(&j, mem, &form, &field));
    CHECK_INT(screening_add(&study, &doctor, first, &form, &audit, mem, &made, &e), 1);
    const struct cohort_findings page = shows(&rita, &p);
    CHECK_INT(page.n, 5);
    for (int i = 0; i < page.n; i++) /* four of one and one of another: none of them is told */
        CHECK(page.finding[i].withheld);
}

TEST(who_withdraws_or_is_erased_is_not_there_and_who_agrees_comes)
{
    const struct project p = approved(&rita, "\"screenings\"");
    int64_t id[8];
    for (int i = 0; i < 8; i++)
        id[i] = enrolled("MCI", "70-79");
    agrees(id[7], "\"treatment\",\"monitoring\""); /* not to research any more */
    CHECK_INT(shows(&rita, &p).all, 7);
    CHECK_INT(aliases_of(&p), 7);
    withdraws(id[0]);
    const struct cohort_findings before = shows(&rita, &p);
    CHECK_INT(before.all, 6);
    erased(id[1]);
    const struct cohort_findings after = shows(&rita, &p);
    CHECK_INT(after.all, 5);
    CHECK_INT(aliases_of(&p), 6); /* of the one who was erased there is none; who withdrew may agree again */
    int same = 0;
    for (int i = 0; i < before.n; i++)
        for (int k = 0; k < after.n; k++)
            same += before.finding[i].data == after.finding[k].data;
    CHECK_INT(same, 5);
    agrees(id[0], "\"research\"");
    CHECK_INT(shows(&rita, &p).all, 6);
}

/* P5: two exports of the same cohort have no pseudonym in common, and none with any role. */
TEST(two_projects_share_no_pseudonym_nor_an_order)
{
    const struct project p = approved(&rita, "\"screenings\""), q = approved(&rita, "\"screenings\""),
                         r = approved(&rosa, "\"screenings\"");
    const struct project *const all[] = {&p, &q, &r};
    struct cohort_findings page[3];
    for (int i = 0; i < 12; i++)
        enrolled("MCI", "70-79");
    for (int i = 0; i < 3; i++)
        page[i] = shows(i == 2 ? &rosa : &rita, all[i]);
    int common = 0;
    for (int i = 0; i < 12; i++)
        for (int k = 0; k < 12; k++)
            common += (page[0].finding[i].data == page[1].finding[k].data) +
                      (page[0].finding[i].data == page[2].finding[k].data) +
                      (page[1].finding[i].data == page[2].finding[k].data);
    CHECK_INT(common, 0);
    CHECK_INT(house_number(&h, "SELECT count(*) - count(DISTINCT number) FROM alias"), 0);
    CHECK_INT(aliases_of(&p), 12);
    for (int i = 1; i < 12; i++)
        CHECK(page[0].finding[i - 1].data < page[0].finding[i].data); /* in the order of numbers that are random */
    /* the same person's place is another one in each: by chance it is the same order once in 12! */
    CHECK_INT(house_number(&h, "SELECT count(*) FROM (SELECT a.subject_index, (SELECT count(*) FROM alias b WHERE "
                               "b.holder = a.holder AND b.number < a.number) AS place FROM alias a WHERE a.holder LIKE "
                               "'project:%' GROUP BY a.subject_index, a.holder, a.number) x GROUP BY subject_index "
                               "HAVING count(DISTINCT place) > 1 ORDER BY 1 LIMIT 1") > 0,
              1);
    const struct cohort_findings again = shows(&rita, &p);
    for (int i = 0; i < 12; i++)
        CHECK(again.finding[i].data == page[0].finding[i].data); /* and stays what it was */
}

TEST(its_end_forgets_what_its_pseudonyms_meant)
{
    struct err e;
    struct project got;
    const struct project p = approved(&rita, "\"screenings\""), q = approved(&rita, "\"screenings\"");
    for (int i = 0; i < 5; i++)
        enrolled("MCI", "70-79");
    shows(&rita, &p);
    shows(&rita, &q);
    CHECK_INT(aliases_of(&p), 5);
    CHECK_OK(ended(&auditor, &p, &got, &e));
    CHECK_INT(got.uses, 1);
    CHECK_INT(aliases_of(&p), 0);
    CHECK_INT(aliases_of(&q), 5);
}

/* So much time goes by: what is in the rows is longer ago. The clock itself is moved in tests/scenario/projects.mjs. */
static void later(int64_t us)
{
    house_sql(&h, arena_printf(mem, "UPDATE project SET since = since - %lld, until = until - %lld;", (long long)us,
                               (long long)us));
}

TEST(it_is_over_by_time_whether_anybody_wrote_that_down_or_not)
{
    struct err e;
    struct project got;
    struct cohort_findings none;
    struct audit_entry audit = act(&rita);
    struct project_page page;
    for (int i = 0; i < 5; i++)
        enrolled("MCI", "70-79");
    const struct project p = approved(&rita, "\"screenings\""), q = proposes(&rita, "\"screenings\"");
    shows(&rita, &p);
    later(30 * DAY);
    CHECK_INT(shows(&rita, &p).n, 5); /* its last day */
    later(DAY);
    refused(shown(&rita, &p, 0, 10, &none, &e), &e, ERR_RULE, "this project is over");
    CHECK_INT(aliases_of(&p), 5);
    const int64_t before = entries("ended-by-time");
    CHECK_OK(project_lapse(&study, &e));
    CHECK_INT(entries("ended-by-time"), before + 2);
    CHECK_INT(aliases_of(&p), 0);
    CHECK_OK(project_lapse(&study, &e));
    CHECK_INT(entries("ended-by-time"), before + 2);
    refused(decided(&auditor, &q, PROJECT_APPROVED, &got, &e), &e, ERR_RULE, "this project is over");
    const struct project_filter f = {.state = PROJECT_ENDED, .limit = 10};
    CHECK_OK(project_list(&study, &rita, &f, &audit, mem, &page, &e));
    CHECK_INT(page.n, 2);
    CHECK(page.project[0].ended_at == page.project[0].until && page.project[0].ended_by[0] == 0);
}

TEST(a_project_over_is_written_down_by_whoever_comes_first)
{
    struct err e;
    struct project got;
    struct audit_entry audit = act(&rita);
    const struct project p = proposes(&rita, "\"screenings\"");
    later(31 * DAY);
    const int64_t before = entries("ended-by-time");
    CHECK_INT(project_read(&study, &rita, p.id, &audit, mem, &got, &e), 1);
    CHECK_INT(got.state, PROJECT_ENDED);
    CHECK_INT(entries("ended-by-time"), before + 1);
}

/* --- streams --- */

static void mounts(int64_t patient, const char *kind)
{
    struct err e;
    struct sensor made;
    struct stream_card card;
    struct json j;
    struct json_fault where;
    struct ticket t;
    int64_t house;
    const char *field;
    struct audit_entry audit = act(&ivo);
    static const struct study_revs any;
    CHECK_INT(installation_as(&study, &doctor, patient, &ivo, mem, &house, &e), 1);
    struct ticket_filter f = {.state = TICKET_OPEN, .patient_id = house, .limit = 1};
    struct ticket_page page;
    CHECK_OK(ticket_list(&study, &ivo, &f, &audit, mem, &page, &e));
    if (!page.ticket[0].mine)
        CHECK_OK(ticket_do(&study, &ivo, page.ticket[0].id, DEED_TAKE, (struct slice){NULL, 0}, &any, &audit, mem, &t,
                           NULL, &e));
    CHECK_INT(json_parse(mem, slice_of(arena_printf(mem, "{\"kind\":\"%s\"}", kind)), &j, &where), 0);
    assert_null(stream_form(&j, mem, &card, &field));
    CHECK_OK(sensor_add(&study, &ivo, house, &card, &audit, mem, &made, &e));
}

TEST(streams_of_one_belong_together_and_times_are_cut_to_four_weeks)
{
    struct err e;
    struct audit_entry audit = act(&rita);
    struct cohort_people page;
    int64_t id[6];
    const struct project p = approved(&rita, "\"screenings\",\"streams\"");
    for (int i = 0; i < 6; i++)
        id[i] = enrolled("MCI", "70-79");
    static const char *const kinds[] = {"water", "motion", "temperature", "steps", "power", "sound", "opening"};
    for (size_t i = 0; i < COUNT(kinds); i++)
        mounts(id[0], kinds[i]);
    mounts(id[3], "power");
    const struct cohort_findings findings = shows(&rita, &p);
    CHECK_INT(cohort_streams(&study, &rita, p.id, 0, COHORT_STREAMS_PAGE, &audit, mem, &page, &e), 1);
    CHECK(page.n == 6 && page.all == 6 && page.next == 0);
    int streams = 0, many = 0;
    for (int i = 0; i < page.n; i++) {
        const struct cohort_person *x = &page.person[i];
        CHECK(x->data == findings.finding[i].data); /* one number for both kinds of data */
        streams += x->n;
        for (int k = 0; k < x->n; k++)
            CHECK(x->stream[k].since > 0 && x->stream[k].since % FOUR_WEEKS == 0 && !x->stream[k].until &&
                  !x->stream[k].card.label.p);
        many += x->n == (int)COUNT(kinds);
        for (int k = 1; k < x->n; k++) /* by chance once in 5,040 */
            CHECK(x->stream[k - 1].card.kind < x->stream[k].card.kind);
    }
    CHECK(streams == (int)COUNT(kinds) + 1 && many == 1);
    int64_t after = 0;
    for (int i = 0; i < 6; i += 2) {
        struct cohort_people part;
        CHECK_INT(cohort_streams(&study, &rita, p.id, after, 2, &audit, mem, &part, &e), 1);
        CHECK(part.n == 2 && part.all == 6 && part.person[0].data == page.person[i].data);
        after = part.next;
    }
    CHECK_INT(after, 0);
    withdraws(id[0]);
    CHECK_INT(cohort_streams(&study, &rita, p.id, 0, COHORT_STREAMS_PAGE, &audit, mem, &page, &e), 1);
    CHECK_INT(page.all, 5);
    for (int i = 0; i < page.n; i++)
        CHECK(page.person[i].n < 2);
}

/* What a second read costs, of keys and numbers that are known: statements, and round trips on PostgreSQL. */
struct cost {
    int64_t statements, trips;
};
static struct cost cost_of(const struct project *p, bool streams)
{
    struct err e;
    struct audit_entry audit = act(&rita);
    struct cost is = {0, 0};
    for (int i = 0; i < 2; i++) {
        struct cohort_people page;
        const struct cost before = {metric_value[METRIC_STATEMENTS], metric_value[METRIC_TRIPS]};
        if (streams)
            CHECK_INT(cohort_streams(&study, &rita, p->id, 0, COHORT_STREAMS_PAGE, &audit, mem, &page, &e), 1);
        else
            shows(&rita, p);
        is = (struct cost){metric_value[METRIC_STATEMENTS] - before.statements,
                           metric_value[METRIC_TRIPS] - before.trips};
    }
    return is;
}

TEST(a_read_costs_the_same_however_many_people_there_are)
{
    const struct project p = approved(&rita, "\"screenings\",\"streams\"");
    struct cost few[2], many[2];
    for (int i = 0; i < 6; i++)
        mounts(enrolled("MCI", "70-79"), "power");
    for (int i = 0; i < 2; i++)
        few[i] = cost_of(&p, i);
    for (int i = 0; i < 24; i++)
        mounts(enrolled("MCI", "70-79"), "power");
    for (int i = 0; i < 2; i++) {
        many[i] = cost_of(&p, i);
        if (many[i].statements != few[i].statements || many[i].trips != few[i].trips)
            fail_msg("%d statements and %d trips of 6 people, %d and %d of 30", (int)few[i].statements,
                     (int)few[i].trips, (int)many[i].statements, (int)many[i].trips);
        CHECK(few[i].statements > 5 && few[i].statements < 20);
        print_message("# %s: %d statements, %d trips\n", i ? "streams" : "screenings", (int)few[i].statements,
                      (int)few[i].trips);
    }
}

/* --- the store --- */

static void check_plan(const char *sql, bool in_order)
{
    char plan[4096];
    house_plan(&h, sql, plan, sizeof plan);
    CHECK(*plan);
    for (struct slice rest = slice_of(plan); rest.n;) {
        struct slice step = slice_trim(slice_cut(&rest, '\n'));
        if (slice_starts(step, "SCAN") || memmem(step.p, step.n, "Seq Scan", 8))
            fail_msg("%s\n%s", sql, plan);
    }
    if (in_order && (strstr(plan, "TEMP B-TREE") || strstr(plan, "Sort")))
        fail_msg("sorted: %s\n%s", sql, plan);
}

TEST(nothing_is_read_from_end_to_end)
{
    check_plan(project_list_own_sql, true);
    check_plan(project_list_all_sql, true);
    check_plan(cohort_screenings_sql, true);
    check_plan(cohort_people_sql, true);
    check_plan(cohort_numbers_sql, true);
    check_plan(cohort_streams_sql, true);
}

TEST(the_store_says_nothing_of_a_project)
{
    static const char *const words[] = {"Zephyrine", "Brunilde", "Ermengarda"};
    struct err e;
    struct project_new n;
    struct project p, got;
    struct audit_entry audit = act(&rita);
    assert_null(form_fault("{\"title\":\"Of Zephyrine\",\"question\":\"How does Brunilde sleep at night?\",\"data\":["
                           "\"streams\"],\"until\":\"2028-01-01\"}",
                           &n));
    CHECK_OK(project_propose(&study, &rita, &n, &audit, mem, &p, &e));
    struct project_decision no = {PROJECT_REFUSED, SLICE("Ermengarda would be known.")};
    CHECK_OK(project_decide(&study, &auditor, p.id, &no, &audit, mem, &got, &e));
    CHECK_SLICE(got.title, "Of Zephyrine");
    CHECK_SLICE(got.question, "How does Brunilde sleep at night?");
    CHECK_SLICE(got.reason, "Ermengarda would be known.");
    study_house_hides(&h, words, COUNT(words));
}

struct asking {
    struct rows screening, stream, edge, project;
};

static int look_behind_the_gate(struct tx *tx, void *arg, struct err *e)
{
    struct asking *x = arg;
    return study_enter(tx, &study, &rosa, e) || tx_rows(tx, mem, &x->screening, e, "SELECT id FROM screening") < 0 ||
                   tx_rows(tx, mem, &x->stream, e, "SELECT id FROM stream") < 0 ||
                   tx_rows(tx, mem, &x->edge, e, "SELECT id FROM stream_edge") < 0 ||
                   tx_rows(tx, mem, &x->project, e, "SELECT id FROM project") < 0
               ? -1
               : 0;
}

/* On PostgreSQL the database itself shows a researcher nothing but in a project. */
TEST(behind_the_gate_a_researcher_without_a_project_sees_no_row)
{
    struct err e;
    struct asking x;
    for (int i = 0; i < 5; i++)
        enrolled("MCI", "70-79");
    approved(&rita, "\"screenings\"");
    if (!house_shared())
        return; /* SQLite's authorizer knows no rows */
    proposes(&rosa, "\"screenings\"");
    CHECK_OK(tx_run(h.db, look_behind_the_gate, &x, &e));
    CHECK_INT(x.screening.n + x.stream.n + x.edge.n, 0);
    CHECK_INT(x.project.n, 1);
    approved(&rosa, "\"screenings\"");
    CHECK_OK(tx_run(h.db, look_behind_the_gate, &x, &e));
    CHECK(x.screening.n == 5 && x.edge.n > 0 && x.project.n == 2);
}

#define EACH(name) cmocka_unit_test_setup(name, nobody)
int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_states_move_as_was_agreed),
        EACH(a_form_says_what_is_wrong_with_it),
        EACH(a_project_waits_is_approved_by_somebody_else_and_ends_once),
        EACH(one_researcher_sees_nothing_of_anothers_and_an_auditor_all),
        EACH(projects_are_listed_page_by_page_the_newest_first_and_by_state),
        EACH(a_researcher_has_so_many_open_projects),
        EACH(nobody_is_shown_but_in_an_approved_project_that_asked),
        EACH(a_cohort_of_fewer_than_five_shows_nobody),
        EACH(what_fewer_than_five_have_together_is_withheld),
        EACH(the_newest_screening_counts),
        EACH(who_withdraws_or_is_erased_is_not_there_and_who_agrees_comes),
        EACH(two_projects_share_no_pseudonym_nor_an_order),
        EACH(its_end_forgets_what_its_pseudonyms_meant),
        EACH(it_is_over_by_time_whether_anybody_wrote_that_down_or_not),
        EACH(a_project_over_is_written_down_by_whoever_comes_first),
        EACH(streams_of_one_belong_together_and_times_are_cut_to_four_weeks),
        EACH(a_read_costs_the_same_however_many_people_there_are),
        EACH(nothing_is_read_from_end_to_end),
        EACH(the_store_says_nothing_of_a_project),
        EACH(behind_the_gate_a_researcher_without_a_project_sees_no_row),
    };
    int failed = cmocka_run_group_tests(tests, open_house, raze_house);
    arena_thread_end();
    return failed;
}
