#include "base/clock.h"
#include "base/own.h"
#include "study/codice_fiscale.h"
#include "study/hue.h"
#include "study/patient_int.h"

static const struct patient_field_row fields[PATIENT_FIELDS] = {
#define FIELD(name, wire, part, shows, must, most, kind, what)                                                         \
    {#name, #wire, #shows, PART_##part, KIND_##kind, must, most},
#include "study/patient.def"
#undef FIELD
};

const struct patient_field_row *patient_field_row(enum patient_field f)
{
    return &fields[f];
}
const char *patient_field_name(enum patient_field f)
{
    return fields[f].wire;
}

struct faults {
    struct patient_fault *list;
    int n;
};

static void fault(struct faults *f, const char *field, const char *text)
{
    if (f->n < PATIENT_FAULTS)
        f->list[f->n++] = (struct patient_fault){field, text};
}

/* --- fields --- */

static int field_of(const struct json *j, uint32_t key)
{
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (json_is(j, key, fields[f].wire))
            return f;
    return -1;
}

static bool is_day(struct slice s, int64_t *ret)
{
    int64_t us, span;
    if (s.n != 10 || !clock_parse(s, &us, &span))
        return false;
    *ret = us / 86400000000 - (us % 86400000000 < 0);
    return true;
}

bool patient_plain_text(struct slice s, bool lines)
{
    for (size_t i = 0; i < s.n; i++)
        if ((uint8_t)s.p[i] < ' ' ? !(lines && (s.p[i] == '\n' || s.p[i] == '\r' || s.p[i] == '\t')) : s.p[i] == 0x7f)
            return false;
    return true;
}

static void check_field(enum patient_field f, struct slice s, struct faults *to)
{
    static const char *const sexes[] = {"male", "female", "other", "unknown"};
    int64_t day;
    bool known = false;
    if (s.n > fields[f].most)
        fault(to, fields[f].wire, "Value error, it is too long");
    else if (!patient_plain_text(s, f == PATIENT_medical_notes))
        fault(to, fields[f].wire, "Value error, it has control characters");
    else if (fields[f].kind == KIND_DAY && !is_day(s, &day))
        fault(to, fields[f].wire, "Value error, a date is written YYYY-MM-DD");
    for (size_t i = 0; i < COUNT(sexes); i++)
        known |= slice_is(s, sexes[i]);
    if (fields[f].kind == KIND_SEX && !known)
        fault(to, fields[f].wire, "Value error, one of male, female, other, unknown");
}

static struct slice taken(enum patient_field f, struct slice s)
{
    int64_t us, span;
    s = slice_trim(s);
    return fields[f].kind == KIND_DAY && s.n > 10 && clock_parse(s, &us, &span) ? (struct slice){s.p, 10} : s;
}

static void take_contacts(const struct json *j, uint32_t v, struct arena *a, struct patient *p, struct faults *to)
{
    const char *field, *text = json_kind(j, v) == JSON_NULL ? NULL : contacts_form(j, v, a, &p->contacts, &field);
    for (int i = 0; !text && i < p->contacts.n; i++)
        text = p->contacts.contact[i].id ? "Value error, a new contact has no id" : NULL;
    if (text)
        fault(to, "contacts", text);
}

/* Also that a field is there without a value. */
static void take_fields(const struct json *j, struct arena *a, struct patient *p, bool said[PATIENT_FIELDS],
                        struct faults *to)
{
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        int f = field_of(j, k);
        if (f < 0 && p->has_contacts && json_is(j, k, "contacts")) {
            take_contacts(j, v, a, p, to);
        } else if (f < 0) {
            fault(to, NULL, "Extra inputs are not permitted");
        } else if (json_kind(j, v) == JSON_STRING) {
            struct slice s = taken((enum patient_field)f, json_text(j, v, a));
            p->value[f] = s.n ? s : (struct slice){NULL, 0};
            said[f] = true;
        } else if (json_kind(j, v) == JSON_NULL) {
            p->value[f] = (struct slice){NULL, 0};
            said[f] = true;
        } else {
            fault(to, fields[f].wire, "Input should be a valid string");
        }
    }
}

static void check_fields(const struct patient *p, struct faults *to)
{
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (p->value[f].n)
            check_field((enum patient_field)f, p->value[f], to);
        else if (fields[f].must)
            fault(to, fields[f].wire, "Field required");
}

/* --- the tax code against the rest --- */

static char sex_of(struct slice gender)
{
    return slice_is(gender, "male") ? 'M' : slice_is(gender, "female") ? 'F' : 0;
}

static bool is_belfiore(struct slice s)
{
    bool ok = s.n == 4 && s.p[0] >= 'A' && s.p[0] <= 'Z';
    for (size_t i = 1; ok && i < s.n; i++)
        ok = s.p[i] >= '0' && s.p[i] <= '9';
    return ok;
}

/* What a code tells, when nobody says it. */
static const enum patient_field told[] = {PATIENT_gender, PATIENT_date_of_birth};

static void fill_from_code(const struct fiscal *f, int64_t birth, struct arena *a, struct patient *p)
{
    int y, m, d;
    if (f->kind != FISCAL_PERSON)
        return;
    if (!p->value[PATIENT_gender].n)
        p->value[PATIENT_gender] = f->sex == 'F' ? SLICE("female") : SLICE("male");
    if (!p->value[PATIENT_date_of_birth].n && birth != FISCAL_NO_DAY) {
        clock_civil(birth, &y, &m, &d);
        p->value[PATIENT_date_of_birth] = slice_of(arena_printf(a, "%04d-%02d-%02d", y, m, d));
    }
}

static void check_code(struct arena *a, struct patient *p, struct faults *to)
{
    static const enum patient_field field[FISCAL_PARTS] = {[FISCAL_BIT_SURNAME] = PATIENT_last_name,
                                                           [FISCAL_BIT_NAME] = PATIENT_first_name,
                                                           [FISCAL_BIT_DATE] = PATIENT_date_of_birth,
                                                           [FISCAL_BIT_SEX] = PATIENT_gender,
                                                           [FISCAL_BIT_PLACE] = PATIENT_place_of_birth};
    struct fiscal f;
    struct slice place = p->value[PATIENT_place_of_birth];
    enum fiscal_result r = fiscal_read(p->value[PATIENT_codice_fiscale], &f, NULL);
    if (r != FISCAL_OK) {
        fault(to, fields[PATIENT_codice_fiscale].wire, fiscal_text(r));
        return;
    }
    struct fiscal_person x = {.surname = p->value[PATIENT_last_name],
                              .name = p->value[PATIENT_first_name],
                              .sex = sex_of(p->value[PATIENT_gender]),
                              .birth = FISCAL_NO_DAY,
                              .place = is_belfiore(place) ? place : (struct slice){NULL, 0}};
    is_day(p->value[PATIENT_date_of_birth], &x.birth);
    unsigned misfits = fiscal_misfits(&f, &x);
    for (int part = 0; part < FISCAL_PARTS; part++)
        if (misfits >> part & 1)
            fault(to, fields[field[part]].wire, fiscal_part_text((enum fiscal_part)part));
    p->value[PATIENT_codice_fiscale] = arena_copy(a, slice_of(f.text));
    fill_from_code(&f, fiscal_birth(&f, clock_now_us() / 86400000000), a, p);
    explicit_bzero(&f, sizeof f);
}

static void check_days(struct patient *p, struct faults *to)
{
    int64_t join, leave;
    if (is_day(p->value[PATIENT_join_date], &join) && is_day(p->value[PATIENT_exit_date], &leave) && leave < join)
        fault(to, fields[PATIENT_exit_date].wire, "Value error, it is before date_join");
}

/* Whether the whole is a patient; what the tax code tells is filled in. */
static void check_whole(struct arena *a, struct patient *p, struct faults *to)
{
    check_fields(p, to);
    if (to->n == 0)
        check_code(a, p, to);
    check_days(p, to);
}

int patient_form(struct slice text, struct arena *a, struct patient *ret,
                 struct patient_fault ret_faults[PATIENT_FAULTS])
{
    struct json j;
    struct json_fault where;
    bool said[PATIENT_FIELDS] = {0};
    struct patient p = {.has_contacts = true};
    struct faults to = {ret_faults, 0};
    if (json_parse(a, text, &j, &where) || json_kind(&j, 0) != JSON_OBJECT)
        return -1;
    take_fields(&j, a, &p, said, &to);
    check_whole(a, &p, &to);
    if (to.n == 0)
        *ret = p;
    return to.n;
}

int patient_edit_form(struct slice text, struct arena *a, struct patient_edit *ret,
                      struct patient_fault ret_faults[PATIENT_FAULTS])
{
    struct json j;
    struct json_fault where;
    struct patient_edit x = {0};
    struct faults to = {ret_faults, 0};
    if (json_parse(a, text, &j, &where) || json_kind(&j, 0) != JSON_OBJECT)
        return -1;
    take_fields(&j, a, &x.to, x.said, &to);
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (x.said[f] && x.to.value[f].n)
            check_field((enum patient_field)f, x.to.value[f], &to);
        else if (x.said[f] && fields[f].must)
            fault(&to, fields[f].wire, "Value error, it cannot be empty");
    if (to.n == 0)
        *ret = x;
    return to.n;
}

int patient_merge(const struct patient *was, const struct patient_edit *edit, struct arena *a, struct patient *ret,
                  struct patient_fault ret_faults[PATIENT_FAULTS])
{
    struct patient p = *was;
    struct faults to = {ret_faults, 0};
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (edit->said[f])
            p.value[f] = edit->to.value[f];
    /* What a code told of the person before, another one may tell otherwise. */
    if (edit->said[PATIENT_codice_fiscale])
        for (size_t i = 0; i < COUNT(told); i++)
            if (!edit->said[told[i]])
                p.value[told[i]] = (struct slice){NULL, 0};
    check_whole(a, &p, &to);
    if (to.n == 0)
        *ret = p;
    return to.n;
}

/* --- parts --- */

struct slice patient_part_text(const struct patient *p, enum patient_part part, const struct written *by,
                               struct arena *a)
{
    struct buf b = buf_in(a, 64 * 1024);
    struct json_out o = json_out(&b);
    char at[CLOCK_TEXT];
    bool any = false;
    json_open(&o, '{');
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (fields[f].part == part && p->value[f].n) {
            json_pair(&o, fields[f].name, p->value[f]);
            any = true;
        }
    if (part == PART_GENERAL && p->value[PATIENT_last_name].n) { /* which bell to ring, for who visits */
        json_pair(&o, fields[PATIENT_last_name].name, p->value[PATIENT_last_name]);
        any = true;
    }
    if (by) {
        json_pair_str(&o, "author", by->author);
        json_pair_str(&o, "created_at", clock_text(by->at, at));
    }
    json_close(&o, '}');
    return (any || by) && !buf_failed(&b) ? buf_text(&b) : (struct slice){NULL, 0};
}

bool patient_part_is_empty(const struct patient *p, enum patient_part part)
{
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (fields[f].part == part && p->value[f].n)
            return false;
    return true;
}

int patient_part_take(struct slice text, enum patient_part part, enum view view, struct arena *a, struct patient *ret,
                      struct err *e)
{
    struct json j;
    struct json_fault where;
    if (json_parse(a, text, &j, &where))
        return err_set(e, where.what ? ERR_KEYS : ERR_NO_MEMORY, "a patient's part");
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (fields[f].part == part && view_shows(view, slice_of(fields[f].shows)))
            ret->value[f] = json_get_text(&j, 0, fields[f].name, a);
    return 0;
}

static void put_age(struct json_out *o, struct slice born)
{
    int64_t day;
    int year, month, d, born_year, born_month, born_d;
    if (!born.p || !is_day(born, &day))
        return;
    clock_civil(day, &born_year, &born_month, &born_d);
    clock_civil(clock_now_us() / 86400000000, &year, &month, &d);
    json_pair_int(o, "age", year - born_year - (month * 32 + d < born_month * 32 + born_d));
}

void patient_put(struct json_out *o, const struct patient *p)
{
    char hue[HUE_TEXT];
    json_open(o, '{');
    json_pair_int(o, "patient_id", p->id);
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (p->value[f].p)
            json_pair(o, fields[f].wire, p->value[f]);
    put_age(o, p->born);
    if (p->listed)
        json_pair_str(o, "hue", hue_of(p->id, hue));
    if (p->twin)
        json_pair_raw(o, "warnings",
                      SLICE("[\"somebody in the study has a tax code that differs from this one by omocodia "
                            "alone: are they two people?\"]"));
    if (p->has_contacts) {
        json_key(o, "contacts");
        contacts_put(o, &p->contacts);
    }
    if (p->status)
        json_pair_str(o, "status", p->status);
    json_close(o, '}');
}
