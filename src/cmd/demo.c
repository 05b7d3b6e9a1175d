/* demo.c -- lazaret study demo: a synthetic study, for who tries things out, and for tests and measurements.
 *
 * Everything is made up from a seed: the same seed makes the same people, under other ids (but for two who are born
 * alike, of whom the later one is drawn again). It goes through the study's own functions, so what it makes is sealed,
 * linked, audited and limited as anything else; several people at a time, since each waits for the disk. Only into an
 * empty study: made-up people beside real ones would be a danger. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"
#include "identity/person.h"
#include "study/codice_fiscale.h"
#include "study/consent.h"
#include "study/installation.h"
#include "study/patient.h"
#include "study/sensor.h"
#include "study/ticket.h"

const struct option demo_options[] = {
    {"patients", "N", "how many people (20)"}, {"seed", "N", "another number makes other people (1)"}, {0}};

enum { PATIENTS_MOST = 100000, ONE_MEMORY = 4 << 20, TRIES = 20, PERSON_FORM = 16384, DECADE_DAYS = 3652 };
enum { MAKERS = 8 }; /* half of what a store has connections, so that others are served beside them */
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
    enum stream_kind kind;
    const char *unit, *room;
} devices[] = {
#define DEVICE(kind, unit, room) {STREAM_##kind, unit, room},
#include "cmd/demo.def"
};
static const struct {
    const char *code, *name;
} towns[] = {
#define TOWN(code, name) {code, name},
#include "cmd/demo.def"
};

/* All of it, and what each of the threads has a copy of. */
struct demo {
    struct app *app;
    const struct study *study;
    struct caller doctor, installer, monitor; /* nobody's account: they act this once */
    struct audit_entry audit;
    uint64_t seed, state; /* of all numbers that are drawn, and of those of one person */
    int64_t patients, tickets, messages, consents, sensors;
};

/* --- drawing --- */

/* SplitMix64 (Steele, Lea, Flood 2014): for variety, not for secrets. */
static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}
static uint64_t draw(struct demo *d)
{
    return mixed(d->state += UINT64_C(0x9e3779b97f4a7c15));
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

/* From sixty to ninety years; four of five in their seventies. */
static int64_t days_old(struct demo *d)
{
    const int64_t n = (int64_t)below(d, 365 * 30);
    return n % 5 < 4 ? 7 * DECADE_DAYS + n / 3 : 365 * 60 + n;
}

/* The form a doctor would have sent. */
static struct slice form_of(struct demo *d, struct arena *a)
{
    bool woman = chance(d, 55);
    const char *surname = ONE_OF(d, surnames), *name = woman ? ONE_OF(d, females) : ONE_OF(d, males);
    size_t born_in = below(d, COUNT(towns)), town = below(d, COUNT(towns));
    int64_t today = clock_now_us() / DAY_US, birth = today - days_old(d);
    int decade = (int)((today - birth) / DECADE_DAYS) * 10;
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
    if (chance(d, 85))
        c.purposes |= CONSENT_RESEARCH;
    d->consents++;
    return consent_record(d->study, &d->doctor, patient, &c, &(struct study_revs){.n = 0}, entry(d, "create"), a, &got,
                          e) < 0
               ? -1
               : 0;
}

/* --- their home --- */

/* What somebody calls the ticket that a new person's home has. */
static int first_ticket(struct demo *d, const struct caller *c, int64_t patient, struct arena *a, struct ticket *ret,
                        struct err *e)
{
    struct ticket_filter f = {.state = TICKET_OPEN, .limit = 1};
    struct ticket_page page;
    int got = installation_as(d->study, &d->doctor, patient, c, a, &f.patient_id, e);
    if (got < 0 || (got > 0 && ticket_list(d->study, c, &f, entry(d, "read"), a, &page, e)))
        return -1;
    if (got == 0 || page.n == 0)
        return err_set(e, ERR_INTERNAL, "a new home has no ticket");
    *ret = page.ticket[0];
    return 0;
}

static int do_ticket(struct demo *d, const struct caller *c, int64_t id, enum ticket_deed deed, const char *text,
                     struct arena *a, struct err *e)
{
    struct ticket got;
    struct study_revs any = {.n = 0};
    d->messages += deed == DEED_SAY;
    return ticket_do(d->study, c, id, deed, slice_of(text), &any, entry(d, "update"), a, &got, NULL, e);
}

static int mount_one(struct demo *d, int64_t house, size_t device, struct arena *a, struct err *e)
{
    struct sensor got;
    const struct stream_card card = {.kind = devices[device].kind,
                                     .unit = slice_of(devices[device].unit),
                                     .label = slice_of(arena_printf(a, "%s %zu", devices[device].room, device + 1))};
    d->sensors++;
    return sensor_add(d->study, &d->installer, house, &card, entry(d, "create"), a, &got, e);
}

/* An installer goes there, and mounts some of the devices, of which one has broken since. */
static int mount(struct demo *d, int64_t patient, struct arena *a, struct err *e)
{
    struct ticket t = {0};
    struct sensor_page page = {0};
    struct sensor got;
    const struct study_revs any = {.n = 0};
    if (first_ticket(d, &d->installer, patient, a, &t, e) ||
        do_ticket(d, &d->installer, t.id, DEED_SAY, "I go there.", a, e))
        return -1;
    for (size_t i = 0; i < COUNT(devices); i++)
        if (chance(d, 30) && mount_one(d, t.patient_id, i, a, e))
            return -1;
    if (!chance(d, 20))
        return 0;
    return sensor_list(d->study, &d->installer, t.patient_id, 0, 1, entry(d, "read"), a, &page, e) < 0 ||
                   (page.n &&
                    sensor_remove(d->study, &d->installer, page.sensor[0].id, &any, entry(d, "update"), a, &got, e))
               ? -1
               : 0;
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
        if (do_ticket(d, &d->monitor, t.id, DEED_SAY, ONE_OF(d, answers), a, e))
            return -1;
    return chance(d, 60) ? do_ticket(d, &d->monitor, t.id, DEED_CLOSE, "", a, e) : 0;
}

static int equip(struct demo *d, int64_t patient, struct arena *a, struct err *e)
{
    struct ticket first = {0};
    d->tickets++;
    if (!chance(d, 85))
        return 0; /* nobody has been there yet */
    if (mount(d, patient, a, e) || first_ticket(d, &d->monitor, patient, a, &first, e) ||
        do_ticket(d, &d->monitor, first.id, DEED_SAY, "All sensors report.", a, e) ||
        do_ticket(d, &d->monitor, first.id, DEED_CLOSE, "", a, e))
        return -1;
    return chance(d, 30) ? trouble(d, first.patient_id, a, e) : 0;
}

static int one(struct demo *d, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(ONE_MEMORY);
    struct patient p;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "a made-up person");
    return enrol(d, a, &p, e) || (chance(d, 90) && agree(d, p.id, a, e)) || equip(d, p.id, a, e) ? -1 : 0;
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

/* Visits are of somebody of the staff. This one has no role, and nobody vouches for them: nobody signs in as them. */
static int make_installer(struct demo *d, struct arena *a, struct err *e)
{
    const struct people all = {d->study->db, d->study->keyring, d->study->scope, NULL};
    struct person p;
    uint8_t who[32];
    const struct arrival x = {who, "lazaret study demo", "made-up", "made-up installer", 0, NULL};
    if (person_hash(&all, PERSON_WHO, x.issuer, slice_of(x.subject), who, e))
        return -1;
    int got = person_find(&all, who, a, &p, e);
    if (got < 0 || person_arrive(&all, &x, got ? &p : NULL, a, &p, e))
        return -1;
    memcpy(d->installer.id, p.id, 16);
    uuid_text(p.id, d->installer.name);
    return 0;
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

struct maker {
    struct demo demo;
    struct crowd *crowd;
    pthread_t thread;
    struct err err;
    bool failed;
};

struct crowd {
    int64_t patients;
    _Atomic int64_t begun;
    atomic_bool stop; /* one of them failed */
};

static void *make_some(void *arg)
{
    struct maker *m = arg;
    struct demo *d = &m->demo;
    struct progress *p = &d->app->progress;
    while (!m->failed && !p->stop && !m->crowd->stop) {
        int64_t i = m->crowd->begun++;
        if (i >= m->crowd->patients)
            break;
        d->state = mixed(d->seed + (uint64_t)i); /* each person's own, whoever makes them */
        m->failed = one(d, &m->err) && err_in(&m->err, "person %" PRId64, i + 1);
        d->patients += !m->failed;
        progress_add(p, !m->failed);
    }
    m->crowd->stop |= m->failed;
    arena_thread_end();
    return NULL;
}

static int gather(struct demo *d, const struct maker *m, struct err *e)
{
    d->patients += m->demo.patients;
    d->tickets += m->demo.tickets;
    d->messages += m->demo.messages;
    d->consents += m->demo.consents;
    d->sensors += m->demo.sensors;
    if (m->failed)
        *e = m->err;
    return m->failed ? -1 : 0;
}

static int make(struct demo *d, int64_t patients, struct arena *a, struct err *e)
{
    struct progress *p = &d->app->progress;
    struct crowd crowd = {.patients = patients};
    struct maker *m = arena_take(a, MAKERS * sizeof *m);
    int n = 0, rc = 0;
    if (!m)
        return err_set(e, ERR_NO_MEMORY, "made-up people");
    if (check_empty(d, a, e) || make_installer(d, a, e))
        return -1;
    progress_begin(p, "making people up", patients);
    for (; n < MAKERS && n < patients; n++) {
        m[n] = (struct maker){.demo = *d, .crowd = &crowd};
        if (pthread_create(&m[n].thread, NULL, make_some, &m[n]))
            break;
    }
    if (n == 0)
        return err_set(e, ERR_NO_MEMORY, "a thread");
    for (int i = 0; i < n; i++) {
        pthread_join(m[i].thread, NULL);
        rc |= gather(d, &m[i], e);
    }
    return rc ? -1 : !p->stop ? 0 : err_set(e, ERR_BUSY, "stopped after %" PRId64 " people", d->patients);
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
    d.seed = mixed((uint64_t)seed);
    d.doctor = actor(d.study, ROLE_DOCTOR);
    d.installer = actor(d.study, ROLE_INSTALLER);
    d.monitor = actor(d.study, ROLE_MONITOR);
    int rc = make(&d, patients, a, e) || db_analyze(app->api.db, e) ? -1 : 0;
    end_work(app);
    if (rc)
        return -1;
    json_open(out, '{');
    json_pair_int(out, "patients", d.patients);
    json_pair_int(out, "consents", d.consents);
    json_pair_int(out, "tickets", d.tickets);
    json_pair_int(out, "messages", d.messages);
    json_pair_int(out, "sensors", d.sensors);
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
           "homes, and %.*s sensors in them.\n"
           "None of them exists. 'lazaret user add' invites somebody to look at them.\n",
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "patients"))), SLICE_FMT(json_raw(&j, json_get(&j, 0, "consents"))),
           SLICE_FMT(json_raw(&j, json_get(&j, 0, "tickets"))), SLICE_FMT(json_raw(&j, json_get(&j, 0, "sensors"))));
    return 0;
}
