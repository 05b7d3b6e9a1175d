#include "study/stream.h"

#include "base/clock.h"
#include "base/own.h"
#include "base/rnd.h"
#include "study/patient_int.h"
#include "study/sensor.h"
#include "study/stream_int.h"

static const struct {
    const char *name, *units;
} kinds[STREAM_KINDS] = {
#define KIND(name, text, units, what) {text, units},
#include "study/stream.def"
};
static const char *const whys[STREAM_WHYS] = {
#define END(name, text, what) text,
#include "study/stream.def"
};

const char *stream_kind_name(enum stream_kind k)
{
    return kinds[k].name;
}

const char *stream_why_name(enum stream_why w)
{
    return whys[w];
}

/* --- forms --- */

static bool kind_named(struct slice name, enum stream_kind *ret)
{
    for (int i = 0; i < STREAM_KINDS; i++)
        if (slice_is(name, kinds[i].name))
            return *ret = (enum stream_kind)i, true;
    return false;
}

/* The unit that is meant; {NULL,0}: it is not measured so. */
static struct slice unit_of(enum stream_kind k, struct slice said)
{
    for (struct slice rest = slice_of(kinds[k].units); rest.n;) {
        struct slice unit = slice_cut(&rest, ' ');
        if (!said.n || slice_eq(unit, said))
            return unit;
    }
    return (struct slice){NULL, 0};
}

const char *stream_form(const struct json *j, struct arena *a, struct stream_card *ret, const char **field)
{
    static const char *const names[] = {"kind", "unit", "label"};
    struct slice value[COUNT(names)] = {{NULL, 0}};
    struct stream_card c = {0};
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        size_t i = 0;
        while (i < COUNT(names) && !json_is(j, k, names[i]))
            i++;
        *field = i < COUNT(names) ? names[i] : NULL;
        if (!*field)
            return "Extra inputs are not permitted";
        if (json_kind(j, json_value(k)) == JSON_STRING)
            value[i] = slice_trim(json_text(j, json_value(k), a));
        else if (json_kind(j, json_value(k)) != JSON_NULL)
            return "Input should be a valid string";
    }
    *field = "kind";
    if (!value[0].n)
        return "Field required";
    if (!kind_named(value[0], &c.kind))
        return "Value error, it is no kind of sensor that this service knows: /docs lists them";
    *field = "unit";
    c.unit = unit_of(c.kind, value[1]);
    if (!c.unit.n)
        return "Value error, sensors of this kind do not measure in it: leave it out, or see /docs (UCUM)";
    *field = "label";
    if (value[2].n > SENSOR_LABEL_MAX)
        return "Value error, it is too long";
    if (!patient_plain_text(value[2], false))
        return "Value error, it has control characters";
    c.label = value[2].n ? value[2] : (struct slice){NULL, 0};
    *ret = c;
    return NULL;
}

struct slice stream_card_text(const struct stream_card *c, bool label, struct arena *a)
{
    struct buf b = buf_in(a, 1024);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "kind", kinds[c->kind].name);
    json_pair(&o, "unit", c->unit);
    if (label && c->label.p)
        json_pair(&o, "label", c->label);
    json_close(&o, '}');
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

int stream_card_take(struct slice text, enum view view, struct arena *a, struct stream_card *ret, struct err *e)
{
    struct json j;
    struct json_fault where;
    struct stream_card c = {0};
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "what a sensor is");
    if (!kind_named(json_get_text(&j, 0, "kind", a), &c.kind))
        return err_set(e, ERR_INTERNAL, "a kind of sensor that this version does not know");
    c.unit = json_get_text(&j, 0, "unit", a);
    if (view_shows(view, SLICE("label")))
        c.label = json_get_text(&j, 0, "label", a);
    *ret = c;
    return 0;
}

/* --- one that is new --- */

/* Not whoever mounts the sensor: they know it, and not the stream. */
static const char *const holders[] = {"doctor", "monitor", STUDY_AUDIT_HOLDER};

int stream_make(const struct study *s, const struct stream_card *c, struct arena *a, struct stream_new *n,
                struct err *e)
{
    struct slice text = stream_card_text(c, false, a);
    rnd_bytes(n->ends.stream, 16);
    n->now = clock_now_us();
    for (size_t i = 0; i < COUNT(holders); i++)
        if (alias_make(s, holders[i], n->ends.stream, a, &n->known[i], e))
            return -1;
    return !text.p ? err_set(e, ERR_NO_MEMORY, "a stream")
           : keyring_subject_make(s->keyring, s->scope, n->ends.stream, SUBJECT_STREAM, &n->key, e) ||
                   study_seal(&n->key, PLACE_STREAM_CARD, n->ends.stream, 1, text, a, &n->card, e) ||
                   bond_stream_seal(s, &n->ends, a, &n->edge, e)
               ? -1
               : 0;
}

int stream_store(struct tx *tx, const struct study *s, const struct stream_new *n, struct err *e)
{
    for (size_t i = 0; i < COUNT(holders); i++)
        if (alias_store(tx, s, &n->known[i], e))
            return -1;
    return tx_put(tx, e, "INSERT INTO stream (scope, id, alias_index, rev, card, since) VALUES ($1, $2, $3, 1, $4, $5)",
                  V_ID(s->scope), V_ID(n->ends.stream), V_ID(n->known[0].index), V_BLOB(n->card), V_INT(n->now)) ||
                   keyring_subject_store(tx, &n->key, e) || bond_stream_store(tx, s, &n->edge, e)
               ? -1
               : 0;
}

/* --- ended --- */

static int sensor_index(const struct study *s, const uint8_t stream[16], uint8_t ret[BLIND_BYTES], struct err *e)
{
    return blind_index(s->keyring, s->scope, BLIND_SENSOR_STREAM, (struct slice){(const char *)stream, 16}, ret, e);
}

int stream_end(struct tx *tx, const struct study *s, const uint8_t stream[16], enum stream_why why, int64_t now,
               struct err *e)
{
    uint8_t index[BLIND_BYTES];
    if (sensor_index(s, stream, index, e) ||
        tx_exec(tx, e,
                "UPDATE sensor SET removed_at = $1, rev = rev + 1 WHERE scope = $2 AND stream_index = $3 AND "
                "removed_at IS NULL",
                V_INT(now), V_ID(s->scope), V_ID(index)) < 0)
        return -1;
    return tx_exec(tx, e,
                   "UPDATE stream SET until = $1, ended = $2, rev = rev + 1 WHERE scope = $3 AND id = $4 AND until IS "
                   "NULL",
                   V_INT(now), V_STR(whys[why]), V_ID(s->scope), V_ID(stream));
}

int stream_end_all(struct tx *tx, const struct study *s, const uint8_t data[16], enum stream_why why, struct arena *a,
                   struct err *e)
{
    struct stream_ends *x;
    int64_t now = clock_now_us();
    int n = bond_streams(tx, s, BY_DATA, data, a, &x, e), ended = 0;
    for (int i = 0; i < n; i++) {
        int one = stream_end(tx, s, x[i].stream, why, now, e);
        if (one < 0)
            return -1;
        ended += one;
    }
    return n < 0 ? -1 : ended;
}

int stream_erase(struct tx *tx, const struct study *s, const uint8_t stream[16], struct err *e)
{
    uint8_t index[BLIND_BYTES], number[BLIND_BYTES];
    if (sensor_index(s, stream, index, e) || alias_index(s, stream, number, e) ||
        tx_exec(tx, e,
                "DELETE FROM alias WHERE scope = $1 AND subject_index IN (SELECT alias_index FROM sensor WHERE scope = "
                "$1 AND stream_index = $2)",
                V_ID(s->scope), V_ID(index)) < 0 ||
        tx_exec(tx, e, "DELETE FROM alias WHERE scope = $1 AND subject_index = $2", V_ID(s->scope), V_ID(number)) < 0)
        return -1;
    int sensors =
        tx_exec(tx, e, "DELETE FROM sensor WHERE scope = $1 AND stream_index = $2", V_ID(s->scope), V_ID(index));
    int streams = tx_exec(tx, e, "DELETE FROM stream WHERE scope = $1 AND id = $2", V_ID(s->scope), V_ID(stream));
    return sensors < 0 || streams < 0 ? -1 : sensors + streams;
}
