/* Every step of a project, with memory and commits failing at every point: what was done is in the audit log, what is
 * not in it was not done, nobody is shown without an entry, and the same step then goes on without anybody's help. */
#include "house.h"

#include "base/clock.h"
#include "base/log.h"
#include "steps.h"
#include "policy/policy.h"
#include "study/cohort.h"
#include "study/consent.h"
#include "study/patient.h"

enum { POINTS = 40, PEOPLE = 5 };
enum { PROPOSE, APPROVE, SHOW, SHOW_STREAMS, END, LIST, STEPS };

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}}, researcher = {.role = ROLE_RESEARCHER, .id = {8}},
                     auditor = {.role = ROLE_AUDITOR, .id = {10}};
static struct project project;

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = "somebody", .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

static void enrol(int i, struct arena *a)
{
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    struct json j;
    struct json_fault where;
    struct consent c, recorded;
    const char *field;
    struct audit_entry audit = act(&doctor);
    const char *form = arena_printf(a,
                                    "{\"first_name\":\"N\",\"last_name\":\"Rossi\",\"codice_fiscale\":\"STP%013d\","
                                    "\"neuro_diag\":\"MCI\",\"age_class\":\"70-79\"}",
                                    i);
    CHECK_INT(patient_form(slice_of(form), a, &p, fault), 0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    CHECK_INT(json_parse(a, SLICE("{\"version\":\"1\",\"signed_at\":\"2026-03-01\",\"purposes\":[\"research\"]}"), &j,
                         &where),
              0);
    assert_null(consent_form(&j, a, &c, &field));
    CHECK_INT(consent_record(&study, &doctor, got.id, &c, &(struct study_revs){.n = 0}, &audit, a, &recorded, &e), 1);
}

static int prepare(void **unused)
{
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    const struct gate *gate[ROLE_COUNT];
    struct caller *const all[] = {&doctor, &researcher, &auditor};
    struct err e;
    (void)unused;
    shim_install();
    log_set_level(LOG_ERROR);
    house_build(&h);
    CHECK_OK(gate_install(h.db, gate, policy_gates(gate), &e));
    CHECK_OK(study_open(h.db, h.keyring, h.scope, &study, &e));
    for (size_t i = 0; i < COUNT(all); i++) {
        memcpy(all[i]->scope, h.scope, 16);
        house_sql(&h,
                  arena_printf(a,
                               "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) SELECT id, "
                               "CAST(x'%02x' || zeroblob(15) AS BLOB), x'%02x', x'00', 'active', 0, 0 FROM scope;",
                               all[i]->id[0], all[i]->id[0]));
    }
    for (int i = 1; i <= PEOPLE; i++)
        enrol(i, a);
    return 0;
}

static int clean_up(void **unused)
{
    (void)unused;
    study_close(&study);
    house_raze(&h);
    return 0;
}

static int do_step(int step, struct arena *a, struct err *e)
{
    const struct caller *c = step == APPROVE ? &auditor : &researcher;
    struct audit_entry audit = act(c);
    struct project_new n = {.title = SLICE("Sleep"),
                            .question = SLICE("Does sleep change before?"),
                            .data = PROJECT_SCREENINGS | PROJECT_STREAMS,
                            .until = clock_now_us() + 5 * INT64_C(86400000000)};
    struct project_decision yes = {PROJECT_APPROVED, SLICE("The question is a good one.")};
    struct project_filter f = {.state = -1, .limit = 10};
    struct project_page page;
    struct cohort_findings findings;
    struct cohort_people people;
    int got;
    switch (step) {
    case PROPOSE: return project_propose(&study, c, &n, &audit, a, &project, e);
    case APPROVE: return project_decide(&study, c, project.id, &yes, &audit, a, &project, e);
    case END: return project_end(&study, c, project.id, &audit, a, &project, e);
    case LIST:
        return project_list(&study, c, &f, &audit, a, &page, e) ? -1
               : page.n == 1                                    ? 0
                                                                : err_set(e, ERR_INTERNAL, "%d", page.n);
    case SHOW:
        got = cohort_screenings(&study, c, project.id, 0, COHORT_PAGE, &audit, a, &findings, e);
        if (got < 0)
            return -1;
        for (int i = 0; got && i < findings.n; i++)
            if (findings.finding[i].withheld || !slice_is(findings.finding[i].neuro_diag, "MCI"))
                return err_set(e, ERR_INTERNAL, "half a cohort");
        return got && findings.n == PEOPLE ? 0 : err_set(e, ERR_INTERNAL, "half a cohort");
    case SHOW_STREAMS:
        got = cohort_streams(&study, c, project.id, 0, COHORT_STREAMS_PAGE, &audit, a, &people, e);
        return got < 0 ? -1 : got && people.n == PEOPLE ? 0 : err_set(e, ERR_INTERNAL, "half a cohort");
    default: return -1;
    }
}

static void lead_to(int step)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    house_sql(&h, "DELETE FROM project; DELETE FROM alias WHERE holder LIKE 'project:%';");
    if (step == PROPOSE)
        return;
    CHECK_OK(do_step(PROPOSE, a, &e));
    if (step == SHOW || step == SHOW_STREAMS || step == END)
        CHECK_OK(do_step(APPROVE, a, &e));
}

static const struct step steps[STEPS] = {
    [PROPOSE] = {"propose", "SELECT count(*) FROM project", false},
    [APPROVE] = {"approve", "SELECT count(*) FROM project WHERE state = 'approved'", false},
    [SHOW] = {"show", "SELECT coalesce(sum(uses), 0) FROM project", false},
    [SHOW_STREAMS] = {"show streams", "SELECT coalesce(sum(uses), 0) FROM project", false},
    [END] = {"end", "SELECT count(*) FROM project WHERE state = 'ended'", false},
    [LIST] = {"list", "SELECT 0", true},
};

int main(void)
{
    const struct steps s = {&h, steps, STEPS, POINTS, lead_to, do_step};
    return steps_run(&s, prepare, clean_up);
}
