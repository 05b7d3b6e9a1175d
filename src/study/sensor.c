#include "study/sensor.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "study/consent_int.h"
#include "study/house_int.h"
#include "study/stream_int.h"

#define SENSOR_COLUMNS "x.id, x.house_nick, x.rev, x.card, x.mounted_at, x.removed_at"
enum { ID, HOUSE, REV, CARD, MOUNTED, REMOVED, NUMBER };
const char sensor_list_sql[] =
    "SELECT " SENSOR_COLUMNS ", a.number FROM sensor x JOIN alias a ON a.scope = x.scope AND a.subject_index = "
    "x.alias_index WHERE x.scope = $1 AND x.house_nick = $2 AND a.holder = $3 AND a.number > $4 ORDER BY a.number "
    "LIMIT $5";
const char sensor_count_sql[] = "SELECT count(*) FROM sensor WHERE scope = $1 AND house_nick = $2";

/* --- mounted --- */

/* Who calls a sensor by a number. Not who watches over streams: they know the stream, and not what hangs where. */
static const char *const holders[] = {"doctor", "installer", STUDY_AUDIT_HOLDER};

struct adding {
    const struct study *s;
    const struct caller *c;
    int64_t patient_id;
    const struct stream_card *form;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    uint8_t id[16], index[BLIND_BYTES];
    struct stream_new stream;
    struct study_key key; /* the house's */
    struct alias known[COUNT(holders)];
    struct slice card, link; /* sealed; link: which stream is its own */
};

/* In a body outside of any gate: whose data what is measured in the house will be. */
static int whose(struct tx *tx, const struct adding *x, struct stream_ends *ret, struct err *e)
{
    struct stream_ends *all;
    int n = bond_streams(tx, x->s, BY_HOUSE, x->stream.ends.house, x->arena, &all, e);
    if (n < 0)
        return -1;
    for (int i = 1; i < n; i++)
        if (memcmp(all[0].data, all[i].data, 16) != 0)
            return err_set(e, ERR_RULE, "several people live in this home: whose data it would measure cannot be told");
    if (n == 0)
        return err_set(e, ERR_NOT_FOUND, "nobody lives in this house any more");
    *ret = all[0];
    return 0;
}

static int find_body(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    uint8_t *house = x->stream.ends.house;
    enum view view = policy_view(x->c->role, ENTITY_SENSOR, ACTION_CREATE);
    int got = study_enter(tx, x->s, x->c, e) ? -1 : house_find(tx, x->s, x->c, x->patient_id, x->arena, house, e);
    if (got > 0)
        got = house_given(tx, x->s, x->c, view, house, x->arena, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : study_leave_absent(tx, &x->audit, e);
    struct stream_ends of;
    if (tx_ungate(tx, e) || whose(tx, x, &of, e))
        return -1;
    memcpy(x->stream.ends.data, of.data, 16);
    x->stream.ends.epoch = of.epoch;
    return 0;
}

static int seal_link(const struct adding *x, struct slice *ret, struct err *e)
{
    struct key key;
    struct seal_place at = place_of(PLACE_SENSOR_STREAM, x->s->scope, x->id, 0);
    if (keyring_domain(x->s->keyring, x->s->scope, "edge.stream", &key, e))
        return -1;
    int rc = seal(&key, &at, (struct slice){(const char *)x->stream.ends.stream, 16}, x->arena, ret, e);
    key_wipe(&key);
    return rc;
}

static int prepare(struct adding *x, struct err *e)
{
    const struct study *s = x->s;
    struct slice text = stream_card_text(x->form, true, x->arena);
    if (!text.p)
        return err_set(e, ERR_NO_MEMORY, "a sensor");
    rnd_bytes(x->id, 16);
    for (size_t i = 0; i < COUNT(holders); i++)
        if (alias_make(s, holders[i], x->id, x->arena, &x->known[i], e))
            return -1;
    return stream_make(s, x->form, x->arena, &x->stream, e) ||
                   study_key(s, x->stream.ends.house, SUBJECT_INSTALLATION, &x->key, e) ||
                   study_seal(&x->key.key, PLACE_SENSOR_CARD, x->id, 1, text, x->arena, &x->card, e) ||
                   blind_index(s->keyring, s->scope, BLIND_SENSOR_STREAM,
                               (struct slice){(const char *)x->stream.ends.stream, 16}, x->index, e) ||
                   seal_link(x, &x->link, e)
               ? -1
               : 0;
}

/* A house is no warehouse; and each of them is a row for good. */
static int check_room(struct tx *tx, const struct adding *x, struct err *e)
{
    struct rows r;
    if (tx_rows(tx, x->arena, &r, e,
                "SELECT count(*), count(removed_at) FROM sensor WHERE scope = $1 AND house_nick = $2",
                V_ID(x->s->scope), V_ID(x->stream.ends.house)) < 0)
        return -1;
    int64_t all = r.cell[0].i, removed = r.cell[1].i;
    if (all - removed >= SENSORS_MOUNTED)
        return err_set(e, ERR_RULE, "%d sensors are mounted in this home: remove one that is not there any more",
                       SENSORS_MOUNTED);
    return all >= SENSORS_MAX
               ? err_set(e, ERR_RULE, "this home has had %d sensors, which is as many as are kept", SENSORS_MAX)
               : 0;
}

/* Still their home, still the same person's, and still to be collected: nobody changes that from here to the end. */
static int check_still(struct tx *tx, const struct adding *x, struct err *e)
{
    struct stream_ends of;
    const struct stream_ends *was = &x->stream.ends;
    int collects = consent_collects(tx, x->s, was->data, x->arena, e);
    if (collects <= 0)
        return collects ? -1 : err_set(e, ERR_CONSENT, "consent was withdrawn: nothing is collected any more");
    if (house_lock(tx, x->s, was->house, e) || whose(tx, x, &of, e) || check_room(tx, x, e))
        return -1;
    return memcmp(of.data, was->data, 16) == 0 && of.epoch == was->epoch
               ? 0
               : err_set(e, ERR_CONFLICT, "whose home it is was changed meanwhile");
}

static int store_sensor(struct tx *tx, const struct adding *x, struct err *e)
{
    return tx_put(tx, e,
                  "INSERT INTO sensor (scope, id, house_nick, alias_index, rev, card, mounted_at) VALUES ($1, $2, $3, "
                  "$4, 1, $5, $6)",
                  V_ID(x->s->scope), V_ID(x->id), V_ID(x->stream.ends.house), V_ID(x->known[0].index), V_BLOB(x->card),
                  V_INT(x->stream.now));
}

/* Outside of the gate: what the program alone may know of it. */
static int store_rest(struct tx *tx, const struct adding *x, struct err *e)
{
    for (size_t i = 0; i < COUNT(holders); i++)
        if (alias_store(tx, x->s, &x->known[i], e))
            return -1;
    return tx_put(tx, e, "UPDATE sensor SET stream_index = $1, stream = $2 WHERE scope = $3 AND id = $4",
                  V_ID(x->index), V_BLOB(x->link), V_ID(x->s->scope), V_ID(x->id)) ||
                   study_store_key(tx, &x->key, e) || stream_store(tx, x->s, &x->stream, e)
               ? -1
               : 0;
}

static int add_body(struct tx *tx, void *arg, struct err *e)
{
    struct adding *x = arg;
    const struct study *s = x->s;
    enum view view = policy_view(x->c->role, ENTITY_SENSOR, ACTION_CREATE);
    if (check_still(tx, x, e) || study_enter(tx, s, x->c, e))
        return -1;
    int given = house_given(tx, s, x->c, view, x->stream.ends.house, x->arena, e);
    if (given <= 0)
        return given ? -1 : err_set(e, ERR_NOT_FOUND, "a home that is theirs no more");
    if (store_sensor(tx, x, e) || tx_ungate(tx, e) || store_rest(tx, x, e) ||
        names_audit(tx, s, x->id, x->arena, &x->audit, x->audit_id, e))
        return -1;
    x->audit.rows = 1;
    return audit_append(tx, &x->audit, e);
}

static int64_t number_of(const struct adding *x)
{
    for (size_t i = 0; i < COUNT(holders); i++)
        if (strcmp(holders[i], study_holder(x->c)) == 0)
            return x->known[i].number;
    return 0;
}

int sensor_add(const struct study *s, const struct caller *c, int64_t patient_id, const struct stream_card *n,
               const struct audit_entry *audit, struct arena *a, struct sensor *ret, struct err *e)
{
    struct adding x = {.s = s, .c = c, .patient_id = patient_id, .form = n, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_SENSOR);
    if (tx_run(s->db, find_body, &x, e))
        return -1;
    if (!x.found)
        return err_set(e, ERR_NOT_FOUND, "no such home of this role");
    int rc = prepare(&x, e) || tx_run(s->db, add_body, &x, e) ? -1 : 0;
    wipe(&x.key, sizeof x.key);
    wipe(&x.stream.key, sizeof x.stream.key);
    if (!rc)
        *ret = (struct sensor){.id = number_of(&x),
                               .patient_id = patient_id,
                               .rev = 1,
                               .card = *n,
                               .since = grain_cut(c->role, GRAIN_HOME, x.stream.now)};
    return rc;
}

/* --- read --- */

struct looking {
    const struct study *s;
    const struct caller *c;
    int64_t id, after;
    int limit;
    const struct study_revs *only;
    struct arena *arena;
    struct audit_entry audit;
    char audit_id[ALIAS_AUDIT_TEXT];
    bool found;
    uint8_t house[1][16];
    int64_t patient_id;
    struct rows rows, count;
};

static struct looking looking_at(const struct study *s, const struct caller *c, int64_t id,
                                 const struct audit_entry *audit, struct arena *a)
{
    struct looking x = {.s = s, .c = c, .id = id, .arena = a, .audit = *audit};
    x.audit.object = entity_name(ENTITY_SENSOR);
    return x;
}

static int open_sensor(const struct looking *x, const struct val *v, int64_t number, struct sensor *ret, struct err *e)
{
    struct slice text;
    struct sensor to = {.id = number,
                        .patient_id = x->patient_id,
                        .rev = v[REV].i,
                        .since = grain_cut(x->c->role, GRAIN_HOME, v[MOUNTED].i),
                        .until = v[REMOVED].kind == VAL_NULL ? 0 : grain_cut(x->c->role, GRAIN_HOME, v[REMOVED].i)};
    if (study_unseal(x->s, (const uint8_t *)v[HOUSE].s.p, SUBJECT_INSTALLATION, PLACE_SENSOR_CARD,
                     (const uint8_t *)v[ID].s.p, 1, v[CARD].s, x->arena, &text, e) ||
        stream_card_take(text, policy_view(x->c->role, ENTITY_SENSOR, ACTION_READ), x->arena, &to.card, e))
        return err_in(e, "a sensor");
    *ret = to;
    return 0;
}

static int house_number(struct tx *tx, struct looking *x, struct err *e)
{
    return house_numbers(tx, x->s, x->c, (const uint8_t(*)[16])x->house, 1, x->arena, &x->patient_id, e);
}

static int list_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    const uint8_t *house = x->house[0];
    enum view view = policy_view(x->c->role, ENTITY_SENSOR, ACTION_READ);
    int got = study_enter(tx, x->s, x->c, e) ? -1 : house_find(tx, x->s, x->c, x->id, x->arena, x->house[0], e);
    if (got > 0)
        got = house_given(tx, x->s, x->c, view, house, x->arena, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : study_leave_absent(tx, &x->audit, e);
    if (tx_rows(tx, x->arena, &x->rows, e, sensor_list_sql, V_ID(x->s->scope), V_ID(house), V_STR(study_holder(x->c)),
                V_INT(x->after), V_INT(x->limit + 1)) < 0 ||
        tx_rows(tx, x->arena, &x->count, e, sensor_count_sql, V_ID(x->s->scope), V_ID(house)) < 0 ||
        house_number(tx, x, e) || tx_ungate(tx, e) || names_audit(tx, x->s, house, x->arena, &x->audit, x->audit_id, e))
        return -1;
    x->audit.rows = x->rows.n < x->limit ? x->rows.n : x->limit;
    return audit_append(tx, &x->audit, e);
}

int sensor_list(const struct study *s, const struct caller *c, int64_t patient_id, int64_t after, int limit,
                const struct audit_entry *audit, struct arena *a, struct sensor_page *ret, struct err *e)
{
    struct looking x = looking_at(s, c, patient_id, audit, a);
    x.after = after;
    x.limit = limit;
    if (tx_run(s->db, list_body, &x, e))
        return -1;
    if (!x.found)
        return 0;
    struct sensor_page page = {.n = x.rows.n < limit ? x.rows.n : limit, .all = x.count.cell[0].i};
    page.sensor = arena_take(a, (size_t)(page.n + 1) * sizeof *page.sensor);
    if (!page.sensor)
        return err_set(e, ERR_NO_MEMORY, "a page of sensors");
    for (int i = 0; i < page.n; i++) {
        const struct val *v = row_at(&x.rows, i, 0);
        if (open_sensor(&x, v, v[NUMBER].i, &page.sensor[i], e))
            return -1;
    }
    if (x.rows.n > limit)
        page.next = page.sensor[page.n - 1].id;
    *ret = page;
    return 1;
}

/* In a body, behind the gate: the one that the caller calls so, of a house that is theirs. 1, 0, -1. */
static int find(struct tx *tx, struct looking *x, enum action action, struct err *e)
{
    uint8_t id[16];
    enum view view = policy_view(x->c->role, ENTITY_SENSOR, action);
    int got = alias_subject(tx, x->s, study_holder(x->c), x->id, x->arena, id, e);
    if (got > 0)
        got = tx_rows(tx, x->arena, &x->rows, e,
                      "SELECT " SENSOR_COLUMNS " FROM sensor x WHERE x.scope = $1 AND x.id = $2", V_ID(x->s->scope),
                      V_ID(id));
    if (got <= 0)
        return got;
    memcpy(x->house[0], x->rows.cell[HOUSE].s.p, 16);
    got = house_given(tx, x->s, x->c, view, x->house[0], x->arena, e);
    return got <= 0 ? got : house_number(tx, x, e) ? -1 : 1;
}

static int read_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    int got = study_enter(tx, x->s, x->c, e) ? -1 : find(tx, x, ACTION_READ, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : study_leave_absent(tx, &x->audit, e);
    x->audit.rows = 1;
    return tx_ungate(tx, e) ||
                   names_audit(tx, x->s, (const uint8_t *)x->rows.cell[ID].s.p, x->arena, &x->audit, x->audit_id, e) ||
                   audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

int sensor_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                struct arena *a, struct sensor *ret, struct err *e)
{
    struct looking x = looking_at(s, c, id, audit, a);
    if (tx_run(s->db, read_body, &x, e))
        return -1;
    return x.found ? (open_sensor(&x, x.rows.cell, id, ret, e) ? -1 : 1) : 0;
}

/* --- removed --- */

/* Outside of the gate: the stream that came from it ends. */
static int end_stream(struct tx *tx, const struct looking *x, const uint8_t sensor[16], int64_t now, struct err *e)
{
    struct rows r;
    struct slice stream;
    struct seal_place at = place_of(PLACE_SENSOR_STREAM, x->s->scope, sensor, 0);
    if (tx_rows(tx, x->arena, &r, e, "SELECT stream FROM sensor WHERE scope = $1 AND id = $2", V_ID(x->s->scope),
                V_ID(sensor)) < 0 ||
        keyring_unseal(x->s->keyring, &at, r.cell[0].s, x->arena, &stream, e))
        return -1;
    return stream.n != 16 ? err_set(e, ERR_KEYS, "a sensor's stream of another length")
           : stream_end(tx, x->s, (const uint8_t *)stream.p, STREAM_REMOVED, now, e) < 0 ? -1
                                                                                         : 0;
}

static int remove_body(struct tx *tx, void *arg, struct err *e)
{
    struct looking *x = arg;
    uint8_t id[16];
    int64_t now = clock_now_us();
    int got = study_enter(tx, x->s, x->c, e) ? -1 : find(tx, x, ACTION_UPDATE, e);
    x->found = got > 0;
    if (got <= 0)
        return got ? -1 : study_leave_absent(tx, &x->audit, e);
    const struct val *v = x->rows.cell;
    memcpy(id, v[ID].s.p, 16);
    if (!study_is_of(x->only, v[REV].i))
        return err_set(e, ERR_PRECONDITION, "a sensor of another revision");
    int n = v[REMOVED].kind != VAL_NULL
                ? 0
                : tx_exec(tx, e,
                          "UPDATE sensor SET removed_at = $1, rev = rev + 1 WHERE scope = $2 AND id = $3 AND rev = $4",
                          V_INT(now), V_ID(x->s->scope), V_ID(id), V_INT(v[REV].i));
    if (n <= 0)
        return n ? -1 : err_set(e, ERR_RULE, "nothing comes from it any more: it was removed, or its stream has ended");
    if (find(tx, x, ACTION_READ, e) <= 0)
        return err_set(e, ERR_INTERNAL, "a sensor that was there");
    x->audit.rows = 1;
    return tx_ungate(tx, e) || end_stream(tx, x, id, now, e) ||
                   names_audit(tx, x->s, id, x->arena, &x->audit, x->audit_id, e) || audit_append(tx, &x->audit, e)
               ? -1
               : 0;
}

int sensor_remove(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                  const struct audit_entry *audit, struct arena *a, struct sensor *ret, struct err *e)
{
    struct looking x = looking_at(s, c, id, audit, a);
    x.only = only;
    x.audit.why = "removed";
    if (tx_run(s->db, remove_body, &x, e))
        return -1;
    if (!x.found)
        return err_set(e, ERR_NOT_FOUND, "no such sensor of this role");
    return open_sensor(&x, x.rows.cell, id, ret, e);
}
