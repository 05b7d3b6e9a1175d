#include "base/clock.h"
#include "base/own.h"
#include "study/codice_fiscale.h"
#include "study/patient_int.h"

static const struct patient_field_row fields[PATIENT_FIELDS] = {
#define FIELD(name, part, shows, must, most, kind, what) {#name, #shows, PART_##part, KIND_##kind, must, most},
#include "study/patient.def"
#undef FIELD
};

const struct patient_field_row *patient_field_row(enum patient_field f)
{
    return &fields[f];
}
const char *patient_field_name(enum patient_field f)
{
    return fields[f].name;
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
        if (json_is(j, key, fields[f].name))
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

static bool is_plain_text(struct slice s, bool lines)
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
        fault(to, fields[f].name, "Value error, it is too long");
    else if (!is_plain_text(s, f == PATIENT_medical_notes))
        fault(to, fields[f].name, "Value error, it has control characters");
    else if (fields[f].kind == KIND_DAY && !is_day(s, &day))
        fault(to, fields[f].name, "Value error, a date is written YYYY-MM-DD");
    for (size_t i = 0; i < COUNT(sexes); i++)
        known |= slice_is(s, sexes[i]);
    if (fields[f].kind == KIND_SEX && !known)
        fault(to, fields[f].name, "Value error, one of male, female, other, unknown");
}

static void take_fields(const struct json *j, struct arena *a, struct patient *p, struct faults *to)
{
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        int f = field_of(j, k);
        if (f < 0) {
            fault(to, NULL, "Extra inputs are not permitted");
        } else if (json_kind(j, v) == JSON_STRING) {
            struct slice s = slice_trim(json_text(j, v, a));
            if (s.n)
                p->value[f] = s;
        } else if (json_kind(j, v) != JSON_NULL) {
            fault(to, fields[f].name, "Input should be a valid string");
        }
    }
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (p->value[f].n)
            check_field((enum patient_field)f, p->value[f], to);
        else if (fields[f].must)
            fault(to, fields[f].name, "Field required");
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
        fault(to, fields[PATIENT_codice_fiscale].name, fiscal_text(r));
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
            fault(to, fields[field[part]].name, fiscal_part_text((enum fiscal_part)part));
    p->value[PATIENT_codice_fiscale] = arena_copy(a, slice_of(f.text));
    fill_from_code(&f, fiscal_birth(&f, clock_now_us() / 86400000000), a, p);
    explicit_bzero(&f, sizeof f);
}

static void check_days(struct patient *p, struct faults *to)
{
    int64_t join, leave;
    if (is_day(p->value[PATIENT_join_date], &join) && is_day(p->value[PATIENT_exit_date], &leave) && leave < join)
        fault(to, fields[PATIENT_exit_date].name, "Value error, it is before join_date");
}

int patient_form(struct slice text, struct arena *a, struct patient *ret,
                 struct patient_fault ret_faults[PATIENT_FAULTS])
{
    struct json j;
    struct json_fault where;
    struct patient p = {0};
    struct faults to = {ret_faults, 0};
    if (json_parse(a, text, &j, &where) || json_kind(&j, 0) != JSON_OBJECT)
        return -1;
    take_fields(&j, a, &p, &to);
    if (to.n == 0)
        check_code(a, &p, &to);
    check_days(&p, &to);
    if (to.n == 0)
        *ret = p;
    return to.n;
}

/* --- parts --- */

struct slice patient_part_text(const struct patient *p, enum patient_part part, struct arena *a)
{
    struct buf b = buf_in(a, 64 * 1024);
    struct json_out o = json_out(&b);
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
    json_close(&o, '}');
    return any && !buf_failed(&b) ? buf_text(&b) : (struct slice){NULL, 0};
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

void patient_put(struct json_out *o, const struct patient *p)
{
    json_open(o, '{');
    json_pair_int(o, "id", p->id);
    for (int f = 0; f < PATIENT_FIELDS; f++)
        if (p->value[f].p)
            json_pair(o, fields[f].name, p->value[f]);
    if (p->status)
        json_pair_str(o, "status", p->status);
    json_close(o, '}');
}
