#include "study/consent.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "study/consent_int.h"
#include "study/patient_int.h"
#include "study/stream_int.h"

enum { TRIES = 3, VERSION_MAX = 40, HASH_TEXT = 64 };

static const char *const states[] = {
#define STATE(name, text, what) text,
#include "study/consent.def"
};
static const struct consent_purpose_row purposes[] = {
#define PURPOSE(name, bit, text, reason, what) {bit, text, #reason},
#include "study/consent.def"
};

const char *consent_state_name(enum consent_state s)
{
    return states[s];
}

const struct consent_purpose_row *consent_purposes(int *ret_n)
{
    *ret_n = (int)COUNT(purposes);
    return purposes;
}

unsigned consent_asked(enum view view)
{
    const struct view_row *v = view_row(view);
    for (size_t i = 0; v && v->consent && i < COUNT(purposes); i++)
        if (strcmp(purposes[i].reason, v->purpose) == 0)
            return purposes[i].bit;
    return 0;
}

/* --- forms --- */

static const char *take_purposes(const struct json *j, uint32_t node, struct consent *c)
{
    if (json_kind(j, node) != JSON_ARRAY)
        return "Input should be a list of purposes: treatment, monitoring, research";
    for (uint32_t k = json_first(j, node); k != json_end(j, node); k = json_next(j, k)) {
        unsigned bit = 0;
        for (size_t i = 0; i < COUNT(purposes); i++)
            if (json_kind(j, k) == JSON_STRING && json_is(j, k, purposes[i].name))
                bit = purposes[i].bit;
        if (!bit)
            return "Value error, a purpose is one of treatment, monitoring, research";
        c->purposes |= bit;
    }
    return NULL;
}

static bool is_hash(struct slice s)
{
    uint8_t byte[HASH_TEXT / 2];
    return s.n == HASH_TEXT && hex_decode(s, byte, sizeof byte) == (int)sizeof byte;
}

static const char *take_text(const struct json *j, uint32_t key, uint32_t v, struct arena *a, struct consent *c)
{
    struct slice s = json_kind(j, v) == JSON_STRING ? slice_trim(json_text(j, v, a)) : (struct slice){NULL, 0};
    int64_t us, span;
    if (json_kind(j, v) != JSON_STRING || !s.n)
        return "Input should be a valid string";
    if (json_is(j, key, "version")) {
        c->version = s;
        return s.n > VERSION_MAX              ? "Value error, it is too long"
               : patient_plain_text(s, false) ? NULL
                                              : "Value error, it has control characters";
    }
    if (json_is(j, key, "sheet_sha256")) {
        c->sheet = s;
        return is_hash(s) ? NULL : "Value error, a SHA-256 is 64 hexadecimal digits";
    }
    c->signed_at = s.n > 10 && clock_parse(s, &us, &span) ? (struct slice){s.p, 10} : s;
    return c->signed_at.n == 10 && clock_parse(c->signed_at, &us, &span) ? NULL
                                                                         : "Value error, a date is written YYYY-MM-DD";
}

const char *consent_form(const struct json *j, struct arena *a, struct consent *ret, const char **field)
{
    static const char *const names[] = {"version", "sheet_sha256", "signed_at"};
    struct consent c = {.state = CONSENT_ACTIVE};
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        const char *fault = "Extra inputs are not permitted";
        *field = NULL;
        if (json_is(j, k, "purposes"))
            fault = take_purposes(j, json_value(k), &c), *field = "purposes";
        for (size_t i = 0; i < COUNT(names); i++)
            if (json_is(j, k, names[i]))
                fault = take_text(j, k, json_value(k), a, &c), *field = names[i];
        if (fault)
            return fault;
    }
    *field = !c.version.p ? "version" : !c.signed_at.p ? "signed_at" : !c.purposes ? "purposes" : NULL;
    if (*field)
        return "Field required";
    *ret = c;
    return NULL;
}

void consent_put(struct json_out *o, const struct consent *c)
{
    json_open(o, '{');
    json_pair_str(o, "state", states[c->state]);
    json_key(o, "purposes");
    json_open(o, '[');
    for (size_t i = 0; i < COUNT(purposes); i++)
        if (c->purposes & purposes[i].bit)
            json_put_str(o, purposes[i].name);
    json_close(o, ']');
    if (c->whole) {
        json_pair_int(o, "record", c->rev);
        json_pair(o, "version", c->version);
        if (c->sheet.p)
            json_pair(o, "sheet_sha256", c->sheet);
        json_pair(o, "signed_at", c->signed_at);
        if (c->withdrawn_at.p)
            json_pair(o, "withdrawn_at", c->withdrawn_at);
        json_pair(o, "author", c->author);
    }
    json_close(o, '}');
}

/* --- asked by others --- */

static int lock(struct tx *tx, const char *sql, struct arena *a, struct err *e)
{
    struct rows r;
    return tx_shared(tx) && tx_rows(tx, a, &r, e, sql) < 0 ? -1 : 0;
}

int consent_hold(struct tx *tx, struct arena *a, struct err *e)
{
    return lock(tx, "SELECT pg_advisory_xact_lock_shared(418430873973)", a, e);
}

int consent_hold_alone(struct tx *tx, struct arena *a, struct err *e)
{
    return lock(tx, "SELECT pg_advisory_xact_lock(418430873973)", a, e);
}

int consent_given(struct tx *tx, const struct study *s, const uint8_t data[16], unsigned purpose, struct arena *a,
                  struct err *e)
{
    struct rows r;
    return tx_rows(tx, a, &r, e,
                   "SELECT id FROM consent WHERE scope = $1 AND data_nick = $2 AND until IS NULL AND state = 'active' "
                   "AND (purposes & $3) <> 0",
                   V_ID(s->scope), V_ID(data), V_INT(purpose));
}

int consent_collects(struct tx *tx, const struct study *s, const uint8_t data[16], struct arena *a, struct err *e)
{
    struct rows r;
    if (consent_hold(tx, a, e))
        return -1;
    int n = tx_rows(tx, a, &r, e,
                    "SELECT id FROM consent WHERE scope = $1 AND data_nick = $2 AND until IS NULL AND state = "
                    "'withdrawn'",
                    V_ID(s->scope), V_ID(data));
    return n < 0 ? -1 : n == 0;
}

/* --- one, looked up --- */

struct work {
    struct looking look;
    int64_t version; /* 0: the newest */
    bool found;
    struct rows now; /* id, rev, state, purposes and, where it is seen, sheet */
    struct study_key key;
    struct slice sealed;
    uint8_t row[16];
    struct alias known; /* to those who watch over sensors, if they did not know the data */
    bool none;          /* there is none to withdraw */
};

static bool sees_whole(const struct caller *c)
{
    return view_shows(policy_view(c->role, ENTITY_CONSENT, ACTION_READ), SLICE("version"));
}

/* In a body, behind the gate after it: whose data are meant. 1, 0, -1. */
static int find(struct tx *tx, struct work *w, struct err *e)
{
    w->found = false;
    int found = patient_enter_data(tx, &w->look, e);
    if (found <= 0)
        return found;
    if (w->version) {
        w->found = true;
        return tx_rows(tx, w->look.arena, &w->now, e,
                       "SELECT id, rev, state, purposes, sheet FROM consent WHERE scope = $1 AND data_nick = $2 AND "
                       "rev = $3",
                       V_ID(w->look.s->scope), V_ID(w->look.bond.data_nick), V_INT(w->version)) < 0
                   ? -1
                   : 1;
    }
    const char *sql = sees_whole(w->look.c)
                          ? "SELECT id, rev, state, purposes, sheet FROM consent WHERE scope = $1 AND data_nick = $2 "
                            "AND until IS NULL"
                          : "SELECT id, rev, state, purposes FROM consent WHERE scope = $1 AND data_nick = $2 AND "
                            "until IS NULL";
    if (tx_rows(tx, w->look.arena, &w->now, e, sql, V_ID(w->look.s->scope), V_ID(w->look.bond.data_nick)) < 0)
        return -1;
    w->found = true;
    return 1;
}

static int take_sheet(struct slice text, struct arena *a, struct consent *ret, struct err *e)
{
    struct json j;
    struct json_fault where;
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a consent");
    ret->version = json_get_text(&j, 0, "version", a);
    ret->sheet = json_get_text(&j, 0, "sheet_sha256", a);
    ret->signed_at = json_get_text(&j, 0, "signed_at", a);
    ret->withdrawn_at = json_get_text(&j, 0, "withdrawn_at", a);
    ret->author = json_get_text(&j, 0, "author", a);
    return 0;
}

static int open_now(const struct work *w, struct consent *ret, struct err *e)
{
    const struct val *v = row_at(&w->now, 0, 0);
    struct consent c = {.rev = v[1].i, .purposes = (unsigned)v[3].i, .whole = sees_whole(w->look.c)};
    struct slice text;
    c.state = slice_is(v[2].s, states[CONSENT_ACTIVE]) ? CONSENT_ACTIVE : CONSENT_WITHDRAWN;
    if (c.whole && (study_unseal(w->look.s, w->look.bond.data_nick, SUBJECT_CLINICAL, PLACE_CONSENT_SHEET,
                                 (const uint8_t *)v[0].s.p, v[1].i, v[4].s, w->look.arena, &text, e) ||
                    take_sheet(text, w->look.arena, &c, e)))
        return err_in(e, "a consent");
    *ret = c;
    return 0;
}

static struct work work_of(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                           struct arena *a)
{
    struct work w = {.look = patient_looking(s, c, id, audit, a)};
    w.look.audit.object = "Consent";
    return w;
}

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct work *w = arg;
    int found = find(tx, w, e);
    if (found < 0)
        return -1;
    return found && w->now.n ? patient_leave(tx, &w->look, 1, e) : patient_absent(tx, &w->look, e);
}

int consent_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                 struct arena *a, struct consent *ret, struct err *e)
{
    struct work w = work_of(s, c, id, audit, a);
    if (tx_run(s->db, read_body, &w, e))
        return -1;
    return w.found && w.now.n ? (open_now(&w, ret, e) ? -1 : 1) : 0;
}

int consent_version(const struct study *s, const struct caller *c, int64_t id, int64_t rev,
                    const struct audit_entry *audit, struct arena *a, struct consent *ret, struct err *e)
{
    struct work w = work_of(s, c, id, audit, a);
    if (!sees_whole(c))
        return err_set(e, ERR_NOT_ALLOWED, "%s sees whether there is consent, not its versions", role_name(c->role));
    w.version = rev;
    if (tx_run(s->db, read_body, &w, e))
        return -1;
    return w.found && w.now.n ? (open_now(&w, ret, e) ? -1 : 1) : 0;
}

/* --- recorded and withdrawn --- */

static int look_body(struct tx *tx, void *arg, struct err *e)
{
    struct work *w = arg;
    int found = find(tx, w, e);
    if (found <= 0)
        return found ? -1 : patient_absent(tx, &w->look, e);
    return tx_ungate(tx, e);
}

static struct slice sheet_text(const struct consent *c, struct arena *a)
{
    struct buf b = buf_in(a, 1024);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair(&o, "version", c->version);
    if (c->sheet.p)
        json_pair(&o, "sheet_sha256", c->sheet);
    json_pair(&o, "signed_at", c->signed_at);
    if (c->withdrawn_at.p)
        json_pair(&o, "withdrawn_at", c->withdrawn_at);
    json_pair(&o, "author", c->author);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

static int store_new(struct tx *tx, const struct work *w, const struct consent *c, struct err *e)
{
    const struct looking *l = &w->look;
    int64_t now = clock_now_us();
    int n = w->now.n == 0
                ? 1
                : tx_exec(tx, e, "UPDATE consent SET until = $1 WHERE scope = $2 AND id = $3 AND until IS NULL",
                          V_INT(now), V_ID(l->s->scope), V_BLOB(row_at(&w->now, 0, 0)->s));
    if (n == 1)
        n = tx_exec(tx, e,
                    "INSERT INTO consent (scope, id, data_nick, rev, state, purposes, sheet, since) SELECT $1, $2, $3, "
                    "$4, $5, $6, $7, $8 WHERE EXISTS (SELECT 1 FROM person WHERE scope = $1 AND id = $9) ON CONFLICT "
                    "DO NOTHING",
                    V_ID(l->s->scope), V_ID(w->row), V_ID(l->bond.data_nick), V_INT(c->rev), V_STR(states[c->state]),
                    V_INT(c->purposes), V_BLOB(w->sealed), V_INT(now), V_ID(l->bond.person));
    return n == 1 ? 0 : n < 0 ? -1 : err_set(e, ERR_CONFLICT, "this consent was changed meanwhile");
}

struct writing {
    struct work *w;
    const struct consent *to;
};

/* Those who watch over sensors get a number for the data with the first consent to it. */
static int make_known(struct tx *tx, const struct work *w, struct err *e)
{
    int64_t number;
    if (alias_numbers(tx, w->look.s, w->known.holder, (const uint8_t(*)[BLIND_BYTES])w->known.index, 1, w->look.arena,
                      &number, e))
        return -1;
    return number ? 0 : alias_store(tx, w->look.s, &w->known, e);
}

/* Outside of the gate. */
static int follow(struct tx *tx, const struct writing *x, struct err *e)
{
    const struct looking *l = &x->w->look;
    if (x->to->state == CONSENT_WITHDRAWN)
        return stream_end_all(tx, l->s, l->bond.data_nick, STREAM_WITHDRAWN, l->arena, e) < 0 ? -1 : 0;
    return x->to->purposes & CONSENT_MONITORING ? make_known(tx, x->w, e) : 0;
}

static int write_body(struct tx *tx, void *arg, struct err *e)
{
    const struct writing *x = arg;
    struct looking *l = &x->w->look;
    return consent_hold_alone(tx, l->arena, e) || study_enter(tx, l->s, l->c, e) || store_new(tx, x->w, x->to, e) ||
                   patient_leave(tx, l, 1, e) || study_store_key(tx, &x->w->key, e) || follow(tx, x, e)
               ? -1
               : 0;
}

static int seal_new(struct work *w, const struct consent *to, struct err *e)
{
    const struct looking *l = &w->look;
    rnd_bytes(w->row, 16);
    if (study_key(l->s, l->bond.data_nick, SUBJECT_CLINICAL, &w->key, e))
        return -1;
    struct slice text = sheet_text(to, l->arena);
    return !text.p ? err_set(e, ERR_NO_MEMORY, "a consent")
           : study_seal(&w->key.key, PLACE_CONSENT_SHEET, w->row, to->rev, text, l->arena, &w->sealed, e) ||
                   alias_make(l->s, role_name(ROLE_MONITOR), l->bond.data_nick, l->arena, &w->known, e)
               ? -1
               : 0;
}

/* 1, 0, -1. `n` NULL: withdrawn. */
static int write_once(struct work *w, const struct consent *n, const struct study_revs *only, struct consent *ret,
                      struct err *e)
{
    struct looking *l = &w->look;
    struct consent to = n ? *n : (struct consent){0};
    char at[CLOCK_TEXT];
    if (tx_run(l->s->db, look_body, w, e))
        return -1;
    if (!w->found)
        return 0;
    if (!study_is_of(only, w->now.n ? row_at(&w->now, 0, 1)->i : 0))
        return err_set(e, ERR_PRECONDITION, "another version of a consent");
    if (!n) {
        w->none = w->now.n == 0 || !slice_is(row_at(&w->now, 0, 2)->s, states[CONSENT_ACTIVE]);
        if (w->none)
            return err_set(e, ERR_CONFLICT, "there is no active consent to withdraw");
        if (open_now(w, &to, e))
            return -1;
        to.state = CONSENT_WITHDRAWN;
        to.withdrawn_at = arena_copy(l->arena, slice_of(clock_text(clock_now_us(), at)));
    }
    to.rev = w->now.n ? row_at(&w->now, 0, 1)->i + 1 : 1;
    to.author = slice_of(l->c->name);
    to.whole = sees_whole(l->c);
    struct writing x = {w, &to};
    int rc = seal_new(w, &to, e) || tx_run(l->s->db, write_body, &x, e) ? -1 : 1;
    wipe(&w->key, sizeof w->key);
    if (rc > 0)
        *ret = to;
    return rc;
}

static int write_any(const struct study *s, const struct caller *c, int64_t id, const struct consent *n,
                     const struct study_revs *only, const struct audit_entry *audit, struct arena *a,
                     struct consent *ret, struct err *e)
{
    int rc = -1;
    for (int i = 0; i < TRIES; i++) {
        struct work w = work_of(s, c, id, audit, a);
        w.look.audit.why = n ? "recorded" : "withdrawn";
        rc = write_once(&w, n, only, ret, e);
        if (rc >= 0 || e->code != ERR_CONFLICT || w.none)
            return rc;
    }
    return rc;
}

int consent_record(const struct study *s, const struct caller *c, int64_t id, const struct consent *n,
                   const struct study_revs *only, const struct audit_entry *audit, struct arena *a, struct consent *ret,
                   struct err *e)
{
    return write_any(s, c, id, n, only, audit, a, ret, e);
}

int consent_withdraw(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                     const struct audit_entry *audit, struct arena *a, struct consent *ret, struct err *e)
{
    return write_any(s, c, id, NULL, only, audit, a, ret, e);
}
