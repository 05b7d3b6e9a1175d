/* Every step of an emergency access, with memory and commits failing at every point: what was done is in the audit log,
 * what is not in it was not done, nobody is read without an entry, and the same step then goes on without anybody's
 * help. */
#include "house.h"

#include "base/clock.h"
#include "base/log.h"
#include "steps.h"
#include "policy/policy.h"
#include "study/glass.h"
#include "study/patient.h"

enum { POINTS = 60 };
enum { BREAK, READ, END, REVIEW, LIST, STEPS };

static struct house h;
static struct study study;
static struct caller doctor = {.role = ROLE_DOCTOR, .id = {7}}, auditor = {.role = ROLE_AUDITOR, .id = {10}};
static int64_t anna;
static struct glass glass;

static struct audit_entry act(const struct caller *c)
{
    return (struct audit_entry){
        .scope = h.scope, .actor = "somebody", .role = role_name(c->role), .action = "read", .outcome = "permit"};
}

static int prepare(void **unused)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    const struct gate *gate[ROLE_COUNT];
    struct err e;
    struct patient p, got;
    struct patient_fault fault[PATIENT_FAULTS];
    (void)unused;
    shim_install();
    log_set_level(LOG_ERROR);
    house_build(&h);
    CHECK_OK(gate_install(h.db, gate, policy_gates(gate), &e));
    CHECK_OK(study_open(h.db, h.keyring, h.scope, &study, &e));
    memcpy(doctor.scope, h.scope, 16);
    memcpy(auditor.scope, h.scope, 16);
    house_sql(&h, "INSERT INTO staff (scope, id, who, person, state, created_at, changed_at) SELECT id, CAST(x'07' || "
                  "zeroblob(15) AS BLOB), "
                  "x'07', x'00', 'active', 0, 0 FROM scope; INSERT INTO staff (scope, id, who, person, state, "
                  "created_at, changed_at) "
                  "SELECT id, CAST(x'0a' || zeroblob(15) AS BLOB), x'0a', x'00', 'active', 0, 0 FROM scope;");
    struct audit_entry audit = act(&doctor);
    CHECK_INT(patient_form(SLICE("{\"first_name\":\"Anna\",\"last_name\":\"Rossi\",\"codice_fiscale\":"
                                 "\"RSSNNA80A41H501L\",\"neuro_diag\":\"MCI\"}"),
                           a, &p, fault),
              0);
    CHECK_OK(patient_enrol(&study, &doctor, &p, &audit, a, &got, &e));
    anna = got.id;
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
    struct caller c = step == REVIEW ? auditor : doctor;
    struct glass_new n = {.subject = anna, .reason = GLASS_REASON_DANGER, .text = SLICE("Somebody heard a fall.")};
    struct glass_filter f = {.state = -1, .limit = 10};
    struct glass_page page;
    struct patient p;
    c.signed_in_at_us = clock_now_us();
    struct audit_entry audit = act(&c);
    switch (step) {
    case BREAK: return glass_break(&study, &c, &n, &audit, a, &glass, e);
    case END: return glass_end(&study, &c, glass.id, &audit, a, &glass, e);
    case REVIEW:
        return glass_review(&study, &c, glass.id, GLASS_OUTCOME_JUSTIFIED, SLICE("An ambulance came."), &audit, a,
                            &glass, e);
    case LIST:
        return glass_list(&study, &c, &f, &audit, a, &page, e) ? -1
               : page.n == 1                                   ? 0
                                                               : err_set(e, ERR_INTERNAL, "%d", page.n);
    case READ:
        c.behind = c.role;
        c.role = ROLE_EMERGENCY;
        uuid_text(glass.id, c.glass);
        audit.role = role_name(c.role);
        if (patient_read(&study, &c, anna, &audit, a, &p, e) < 0)
            return -1;
        return slice_is(p.value[PATIENT_first_name], "Anna") && slice_is(p.value[PATIENT_neuro_diag], "MCI")
                   ? 0
                   : err_set(e, ERR_INTERNAL, "half a patient");
    default: return -1;
    }
}

static void lead_to(int step)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e;
    house_sql(&h, "DELETE FROM glass;");
    if (step == BREAK)
        return;
    CHECK_OK(do_step(BREAK, a, &e));
    if (step == REVIEW)
        CHECK_OK(do_step(END, a, &e));
}

static const struct step steps[STEPS] = {
    [BREAK] = {"break", "SELECT count(*) FROM glass", false},
    [READ] = {"read", "SELECT coalesce(sum(uses), 0) FROM glass", false},
    [END] = {"end", "SELECT count(*) FROM glass WHERE ended_at IS NOT NULL", false},
    [REVIEW] = {"review", "SELECT count(*) FROM glass WHERE reviewed_at IS NOT NULL", false},
    [LIST] = {"list", "SELECT 0", true},
};

int main(void)
{
    const struct steps s = {&h, steps, STEPS, POINTS, lead_to, do_step};
    return steps_run(&s, prepare, clean_up);
}
