/* demo.c -- lazaret study demo: a synthetic study, for who tries things out, and for tests and measurements.
 *
 * Everything is made up from a seed: the same seed makes the same people, under other ids. It goes through the study's
 * own functions, so what it makes is sealed, linked, audited and limited as anything else. Only into an empty study:
 * made-up people beside real ones would be a danger. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"
#include "study/codice_fiscale.h"
#include "study/consent.h"
#include "study/patient.h"
#include "study/ticket.h"

const struct option demo_options[] = {
    {"patients", "N", "how many people (20)"}, {"seed", "N", "another number makes other people (1)"}, {0}};

enum { PATIENTS_MOST = 100000, ONE_MEMORY = 4 << 20, TRIES = 20, PERSON_FORM = 16384 };
#define DAY_US (86400 * INT64_C(1000000))

/* Each list of demo.def by itself. */
static const char *const females[] = {
#define FEMALE(x) x,
#include "cmd/demo.def"
};
static const char *const males[] = {
#define MALE(x) x,
#include "cmd/demo.def"
};
static const char *const surnames[] = {
#define SURNAME(x) x,
#include "cmd/demo.def"
};
static const char *const streets[] = {
#define STREET(x) x,
#include "cmd/demo.def"
};
static const char *const diagnoses[] = {
#define DIAGNOSIS(x) x,
#include "cmd/demo.def"
};
static const char *const relatives[] = {
#define RELATIVE(x) x,
#include "cmd/demo.def"
};
static const char *const troubles[] = {
#define TROUBLE(x) x,
#include "cmd/demo.def"
};
static const char *const answers[] = {
#define ANSWER(x) x,
#include "cmd/demo.def"
};
static const struct {
    const char *code, *name;
} towns[] = {
#define TOWN(code, name) {code, name},
#include "cmd/demo.def"
};

struct demo {
    struct app *app;
    const struct study *study;
    struct caller doctor, monitor; /* nobody's account: they act this once */
    struct audit_entry audit;
    uint64_t state; /* of the numbers that are drawn */
    int64_t patients, tickets, messages, consents;
};

/* --- drawing --- */

/* SplitMix64 (Steele, Lea, Flood 2014): for variety, not for secrets. */
static uint64_t draw(struct demo *d)
{
    uint64_t x = d->state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static size_t below(struct demo *d, size_t n)
{
    return (size_t)(draw(d) % n);
}

static bool chance(struct demo *d, unsigned percent)
{
    return below(d, 100) < percent;
}

#define ONE_OF(d, list) ((list)[below((d), COUNT(list))])

static struct slice day_text(int64_t day, struct arena *a)
{
    int y, m, dd;
    clock_civil(day, &y, &m, &dd);
    return slice_of(arena_printf(a, "%04d-%02d-%02d", y, m, dd));
}

static const struct audit_entry *entry(struct demo *d, const char *action)
{
    d->audit.action = action;
    return &d->audit;
}

/* --- one person --- */

static void put_contacts(struct demo *d, struct json_out *o, struct arena *a, const char *surname)
{
    json_key(o, "contacts");
    json_open(o, '[');
    for (size_t n = below(d, 3); n > 0; n--) {
        json_open(o, '{');
        json_pair_str(o, "alias", arena_printf(a, "%s %s, %s", ONE_OF(d, males), surname, ONE_OF(d, relatives)));
        json_pair_str(o, "phone_no", arena_printf(a, "+39 333 %07u", (unsigned)below(d, 10000000)));
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* The form a doctor would have sent. */
static struct slice form_of(struct demo *d, struct arena *a)
{
    bool woman = chance(d, 55);
    const char *surname = ONE_OF(d, surnames), *name = woman ? ONE_OF(d, females) : ONE_OF(d, males);
    size_t born_in = below(d, COUNT(towns)), town = below(d, COUNT(towns));
    int64_t today = clock_now_us() / DAY_US, birth = today - 365 * 60 - (int64_t)below(d, 365 * 30);
    int decade = (int)((today - birth) / 3652) * 10;
    char code[FISCAL_TEXT];
    struct buf b = buf_in(a, PERSON_FORM);
    struct json_out o = json_out(&b);
    struct fiscal_person p = {slice_of(surname), slice_of(name), woman ? 'F' : 'M', birth,
                              slice_of(towns[born_in].code)};
    if (fiscal_make(&p, code) != FISCAL_OK)
        return (struct slice){0};
    json_open(&o, '{');
    json_pair_str(&o, "first_name", name);
    json_pair_str(&o, "last_name", surname);
    json_pair_str(&o, "codice_fiscale", code);
    json_pair_str(&o, "gender", woman ? "female" : "male");
    json_pair(&o, "date_of_birth", day_text(birth, a));
    json_pair_str(&o, "place_of_birth", towns[born_in].name);
    json_pair_str(&o, "home_address",
                  arena_printf(a, "%s %zu, %s", ONE_OF(d, streets), 1 + below(d, 120), towns[town].name));
    json_pair_str(&o, "phone", arena_printf(a, "+39 06 %07u", (unsigned)below(d, 10000000)));
    json_pair_str(&o, "neuro_diag", ONE_OF(d, diagnoses));
    json_pair_str(&o, "age_class", arena_printf(a, "%d-%d", decade, decade + 9));
    json_pair_str(&o, "medical_notes", "A made-up person of a synthetic study.");
    json_pair(&o, "date_join", day_text(today - (int64_t)below(d, 700), a));
    put_contacts(d, &o, a, surname);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){0} : buf_text(&b);
}

static int enrol(struct demo *d, struct arena *a, struct patient *ret, struct err *e)
{
    struct patient_fault fault[PATIENT_FAULTS];
    struct patient p;
    for (int i = 0; i < TRIES; i++) {
        struct slice form = form_of(d, a);
        int faults = form.p ? patient_form(form, a, &p, fault) : 1;
        if (faults)
            return err_set(e, ERR_INTERNAL, "a made-up person is none: %s", form.p && faults > 0 ? fault[0].text : "");
        if (patient_enrol(d->study, &d->doctor, &p, entry(d, "create"), a, ret, e) == 0)
            return 0;
        if (e->code != ERR_TAX_CODE) /* two of them may be born alike */
            return -1;
    }
    return -1;
}

static int agree(struct demo *d, int64_t patient, struct arena *a, struct err *e)
{
    struct consent c = {.purposes = CONSENT_TREATMENT | CONSENT_MONITORING,
                        .version = SLICE("1.0"),
                        .signed_at = day_text(clock_now_us() / DAY_US - (int64_t)below(d, 30), a)};
    struct consent got;
    if (chance(d, 70))
        c.purposes |= CONSENT_RESEARCH;
    d->consents++;
    return consent_record(d->study, &d->doctor, patient, &c, entry(d, "create"), a, &got, e) < 0 ? -1 : 0;
}

/* --- their home --- */

/* What the monitor calls the ticket that was opened last. */
static int newest_ticket(struct demo *d, struct arena *a, struct ticket *ret, struct err *e)
{
    const struct ticket_filter f = {.state = TICKET_OPEN, .limit = 1};
    struct ticket_page page;
    if (ticket_list(d->study, &d->monitor, &f, entry(d, "read"), a, &page, e))
        return -1;
    if (page.n == 0)
        return err_set(e, ERR_INTERNAL, "a new home has no ticket");
    *ret = page.ticket[0];
    return 0;
}

static int do_ticket(struct demo *d, int64_t id, enum ticket_deed deed, const char *text, struct arena *a,
                     struct err *e)
{
    struct ticket got;
    struct study_revs any = {.n = 0};
    d->messages += deed == DEED_SAY;
    return ticket_do(d->study, &d->monitor, id, deed, slice_of(text), &any, entry(d, "update"), a, &got, NULL, e);
}

/* Something broke: it is told, answered, and sometimes mended. */
static int trouble(struct demo *d, int64_t house, struct arena *a, struct err *e)
{
    struct ticket t;
    if (ticket_open(d->study, &d->monitor, house, TICKET_CATEGORY_MAINTENANCE, slice_of(ONE_OF(d, troubles)),
                    entry(d, "create"), a, &t, e))
        return -1;
    d->tickets++;
    for (size_t n = below(d, 3); n > 0; n--)
        if (do_ticket(d, t.id, DEED_SAY, ONE_OF(d, answers), a, e))
            return -1;
    return chance(d, 60) ? do_ticket(d, t.id, DEED_CLOSE, "", a, e) : 0;
}

static int equip(struct demo *d, struct arena *a, struct err *e)
{
    struct ticket first = {0};
    d->tickets++;
    if (newest_ticket(d, a, &first, e))
        return -1;
    if (!chance(d, 85))
        return 0; /* nobody has been there yet */
    if (do_ticket(d, first.id, DEED_SAY, "All sensors report.", a, e) || do_ticket(d, first.id, DEED_CLOSE, "", a, e))
        return -1;
    return chance(d, 30) ? trouble(d, first.patient_id, a, e) : 0;
}

static int one(struct demo *d, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(ONE_MEMORY);
    struct patient p;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "a made-up person");
    return enrol(d, a, &p, e) || (chance(d, 90) && agree(d, p.id, a, e)) || equip(d, a, e) ? -1 : 0;
}

/* --- the verb --- */

static struct caller actor(const struct study *s, enum role role)
{
    struct caller c = {.role = role, .roles = 1u << role};
    memcpy(c.scope, s->scope, sizeof c.scope);
    uuid7(c.id);
    uuid_text(c.id, c.name);
    return c;
}

static int check_empty(struct demo *d, struct arena *a, struct err *e)
{
    struct patient_page page;
    const struct patient_query q = {.limit = 1};
    if (patient_list(d->study, &d->doctor, &q, entry(d, "read"), a, &page, e))
        return -1;
    return page.all ? err_set(e, ERR_CONFLICT,
                              "this study has %" PRId64 " people: made-up ones go only into an empty one", page.all)
                    : 0;
}

static int make(struct demo *d, int64_t patients, struct arena *a, struct err *e)
{
    struct progress *p = &d->app->progress;
    if (check_empty(d, a, e))
        return -1;
    progress_begin(p, "making people up", patients);
    for (; d->patients < patients && !p->stop; d->patients++, progress_add(p, 1))
        if (one(d, e))
            return err_in(e, "person %" PRId64, d->patients + 1);
    return p->stop ? err_set(e, ERR_BUSY, "stopped after %" PRId64 " people", d->patients) : 0;
}

static int take_number(const struct json *args, const char *name, int64_t most, int64_t or_else, struct arena *a,
                       int64_t *ret, struct err *e)
{
    struct slice s = json_get_text(args, 0, name, a);
    *ret = or_else;
    return s.p && !slice_int(s, 1, most, ret) ? err_set(e, ERR_USAGE, "--%s is a number from 1 to %" PRId64, name, most)
                                              : 0;
}

int admin_study_demo(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct demo d = {.app = app, .study = &app->api.study, .audit = app_operator("create", "lazaret study demo")};
    int64_t patients, seed;
    if (take_number(args, "patients", PATIENTS_MOST, 20, a, &patients, e) ||
        take_number(args, "seed", INT64_MAX, 1, a, &seed, e) || begin_work(app, e))
        return -1;
    d.audit.scope = d.study->scope;
    d.state = (uint64_t)seed;
    d.doctor = actor(d.study, ROLE_DOCTOR);
    d.monitor = actor(d.study, ROLE_MONITOR);
    int rc = make(&d, patients, a, e);
    end_work(app);
    if (rc)
        return -1;
    json_open(out, '{');
    json_pair_int(out, "patients", d.patients);
    json_pair_int(out, "consents", d.consents);
    json_pair_int(out, "tickets", d.tickets);
    json_pair_int(out, "messages", d.messages);
    json_close(out, '}');
    return 0;
}

int cmd_study_demo(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (long_work(c, "study.demo",
                  call_args(c, "patients", call_option(c, "patients"), "seed", call_option(c, "seed"), NULL), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("The study has %.*s made-up people now, %.*s of whom agreed to take part, with %.*s tickets about their "
           "homes.\n"
           "None of them exists. 'lazaret user add' invites somebody to look at them.\n",
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "patients"))), SLICE_FMT(json_raw(&j, json_get(&j, 0, "consents"))),
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "tickets"))));
    return 0;
}
