#include "models/manifest_int.h"

#include "base/clock.h"

const struct unit *manifest_unit(const struct input *in, struct slice code)
{
    for (size_t i = 0; i < in->accepts; i++)
        if (slice_eq(in->accept[i].code, code))
            return &in->accept[i];
    return NULL;
}

/* Two equal numbers are a unit of another name: 10*3/uL is 10*9/L. */
static int read_ratio(struct reader *r, const struct at *at, uint32_t i, struct unit *u)
{
    struct at here = at_key(at, "ratio");
    struct slice part[2];
    int n = 0;
    int64_t v;
    if (!i)
        return manifest_bad(r, at, "is missing the field 'ratio'");
    bool ok = json_kind(r->j, i) == JSON_ARRAY && r->j->node[i].len == 2;
    for (uint32_t k = ok ? json_first(r->j, i) : 0; ok && k != json_end(r->j, i); k = json_next(r->j, k), n++) {
        struct at each = at_index(&here, (uint32_t)n);
        if (manifest_string(r, &each, k, 12, &part[n]))
            return -1;
        ok = slice_int(part[n], 1, 999999999999, &v);
    }
    if (!ok)
        return manifest_bad(r, &here,
                            "must be two whole numbers as strings, such as [\"10\",\"884\"]: value * 10 / 884");
    u->over = part[0];
    u->under = part[1];
    return 0;
}

static int read_convert(struct reader *r, const struct at *at, uint32_t obj, struct input *in)
{
    uint32_t list = manifest_elements(r, at, obj, "convert", false, MANIFEST_UNITS), n = 0;
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    struct at above = at_key(at, "convert");
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), n++) {
        struct at here = at_index(&above, n);
        struct slice from = {0};
        if (manifest_object(r, &here, k, "from ratio") || manifest_text(r, &here, k, "from", true, 60, &from))
            return -1;
        struct unit *u = (struct unit *)manifest_unit(in, from);
        if (!u || u->same || u->over.p)
            return manifest_bad(r, &here,
                                "converts a unit that is not in 'accept', is the model's own, or is converted already");
        if (read_ratio(r, &here, json_get(r->j, k, "ratio"), u))
            return -1;
    }
    return 0;
}

/* What is measured, where a conversion depends on it. */
static int read_substance(struct reader *r, const struct at *at, uint32_t obj, struct ucum_substance *ret)
{
    uint32_t v = json_get(r->j, obj, "molarMass");
    struct at here = at_key(at, "molarMass");
    struct dec d;
    int64_t charge = 0;
    if (v && manifest_number(r, &here, v, &ret->molar_mass, &d))
        return -1;
    if (v && (d.n == 0 || d.negative))
        return manifest_bad(r, &here, "must be above zero, in g/mol");
    if (manifest_whole(r, at, obj, "charge", 1, 99, &charge))
        return -1;
    ret->charge = (unsigned)charge;
    return 0;
}

static int read_pair(struct reader *r, const struct at *at, const struct input *in, const struct ucum_substance *of,
                     struct unit *u)
{
    struct ucum_fault f = {0};
    const struct ucum_unit *from = ucum_parse(r->a, u->code, &f);
    u->pair = from ? ucum_pair(r->a, from, in->ucum, UCUM_APART, of, &f) : NULL;
    if (!u->pair && !f.text[0])
        return err_set(r->e, ERR_NO_MEMORY, "reading a manifest");
    if (!u->pair)
        return manifest_bad(r, at, "%s; leave it out, or give a factor in 'convert'", f.text);
    if (!ucum_pair_exact(u->pair))
        return manifest_bad(r, at, "'%.*s' does not become '%.*s' exactly", SLICE_FMT(u->code), SLICE_FMT(in->unit));
    u->same = ucum_pair_same(u->pair);
    return 0;
}

/* unit, accept and convert of a numeric input. */
static int read_units(struct reader *r, const struct at *at, uint32_t obj, struct input *in)
{
    struct slice *list = NULL;
    struct ucum_substance of = {0};
    struct ucum_fault f = {0};
    struct at here = at_key(at, "accept"), unit = at_key(at, "unit");
    size_t n = 0;
    if (manifest_text(r, at, obj, "unit", true, 60, &in->unit) || read_substance(r, at, obj, &of) ||
        manifest_list(r, at, obj, "accept", false, MANIFEST_UNITS, 60, &list, &n))
        return -1;
    if (!(in->ucum = ucum_parse(r->a, in->unit, &f)))
        return f.text[0] ? manifest_bad(r, &unit, "%s", f.text) : err_set(r->e, ERR_NO_MEMORY, "reading a manifest");
    if (n == 0) {
        list = &in->unit;
        n = 1;
    }
    if (!(in->accept = manifest_array(r, n, sizeof *in->accept)))
        return -1;
    for (in->accepts = 0; in->accepts < n; in->accepts++)
        in->accept[in->accepts] =
            (struct unit){.code = list[in->accepts], .same = slice_eq(list[in->accepts], in->unit)};
    if (read_convert(r, at, obj, in))
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!in->accept[i].over.p && read_pair(r, &here, in, &of, &in->accept[i]))
            return -1;
    return 0;
}

static int read_limits(struct reader *r, const struct at *at, uint32_t i, struct range *ret)
{
    if (json_kind(r->j, i) != JSON_ARRAY || r->j->node[i].len != 2)
        return manifest_bad(r, at, "must be [low, high]");
    uint32_t low = json_first(r->j, i), high = json_next(r->j, low);
    if (manifest_number(r, at, low, &ret->low_text, &ret->low) ||
        manifest_number(r, at, high, &ret->high_text, &ret->high))
        return -1;
    if (dec_cmp(&ret->low, &ret->high) > 0)
        return manifest_bad(r, at, "has its low end above its high end");
    ret->set = true;
    return 0;
}

static int read_range(struct reader *r, const struct at *at, uint32_t obj, struct range *hard, struct range *soft)
{
    uint32_t v = json_get(r->j, obj, "range"), k;
    struct at here = at_key(at, "range");
    if (!v)
        return 0;
    if (manifest_object(r, &here, v, soft ? "hard soft" : "hard"))
        return -1;
    struct at h = at_key(&here, "hard"), s = at_key(&here, "soft");
    if ((k = json_get(r->j, v, "hard")) && read_limits(r, &h, k, hard))
        return -1;
    return soft && (k = json_get(r->j, v, "soft")) ? read_limits(r, &s, k, soft) : 0;
}

static int read_choices(struct reader *r, const struct at *at, uint32_t obj, struct choice **ret, size_t *ret_n)
{
    uint32_t list = manifest_elements(r, at, obj, "values", false, 64), n = 0;
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    struct at above = at_key(at, "values");
    struct choice *c = manifest_array(r, r->j->node[list].len, sizeof *c);
    if (!c)
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), n++) {
        struct at here = at_index(&above, n);
        if (manifest_object(r, &here, k, "system code display value") ||
            manifest_text(r, &here, k, "system", true, 256, &c[n].system) ||
            manifest_text(r, &here, k, "code", true, 128, &c[n].code) ||
            manifest_text(r, &here, k, "display", false, 256, &c[n].display) ||
            manifest_text(r, &here, k, "value", true, 64, &c[n].value))
            return -1;
    }
    *ret = c;
    *ret_n = n;
    return 0;
}

static int read_above(struct reader *r, const struct at *at, uint32_t obj, struct input_code *c)
{
    uint32_t v = json_get(r->j, obj, "above"), limit;
    struct at here = at_key(at, "above");
    if (!v)
        return 0;
    if (manifest_object(r, &here, v, "limit then else") || manifest_text(r, &here, v, "then", true, 64, &c->more) ||
        manifest_text(r, &here, v, "else", true, 64, &c->other))
        return -1;
    if (!(limit = json_get(r->j, v, "limit")))
        return manifest_bad(r, &here, "is missing the field 'limit'");
    if (manifest_number(r, &here, limit, &c->limit_text, &c->limit))
        return -1;
    if (c->units_n == 0 || !c->hard.set)
        return manifest_bad(r, &here,
                            "turns a number into a word: say the code's 'units' and its 'range' {\"hard\":[low,high]}");
    c->above = true;
    return 0;
}

static bool is_value(const struct input *in, struct slice word)
{
    for (size_t i = 0; i < in->values_n; i++)
        if (slice_eq(in->values[i], word))
            return true;
    return false;
}

static int check_words(struct reader *r, const struct at *at, const struct input *in, const struct choice *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_value(in, c[i].value))
            return manifest_bad(r, at, "maps to '%.*s', which 'enum' does not list", SLICE_FMT(c[i].value));
    return 0;
}

static int read_pressure(struct reader *r, const struct at *at, uint32_t i, const struct input *in,
                         struct input_code *c)
{
    static const char *const word[] = {"systolic", "diastolic"};
    struct at here = at_key(at, "pressure");
    struct slice pressure = {0};
    if (manifest_text(r, at, i, "pressure", false, 16, &pressure))
        return -1;
    c->part = pressure.n != 0;
    while (c->part && c->pressure < PRESSURES && !slice_is(pressure, word[c->pressure]))
        c->pressure++;
    if (c->pressure == PRESSURES)
        return manifest_bad(r, &here, "can be \"systolic\" or \"diastolic\"");
    return c->part && !in->mean_pressure ? manifest_bad(r, &here, "goes with 'meanPressure' of the input") : 0;
}

/* Both pressures have a code, and the mean one has the first: that is what is asked for. */
static int check_pressures(struct reader *r, const struct at *at, const struct input *in)
{
    bool has[PRESSURES] = {false, false};
    for (size_t i = 0; i < in->codes; i++)
        if (in->code[i].part)
            has[in->code[i].pressure] = true;
    return in->mean_pressure && (!has[PRESSURE_SYSTOLIC] || !has[PRESSURE_DIASTOLIC] || in->code[0].part)
               ? manifest_bad(r, at,
                              "needs in 'anyOf' first the code of the mean itself, then one with \"pressure\": "
                              "\"systolic\" and one with \"diastolic\"")
               : 0;
}

static int read_mean_pressure(struct reader *r, const struct at *at, uint32_t obj, struct input *in)
{
    uint32_t v = json_get(r->j, obj, "meanPressure");
    struct at here = at_key(at, "meanPressure");
    int64_t decimals = 0;
    if (!v)
        return 0;
    if (manifest_object(r, &here, v, "decimals") ||
        manifest_whole(r, &here, v, "decimals", 0, MANIFEST_DECIMALS, &decimals))
        return -1;
    if (!json_get(r->j, v, "decimals"))
        return manifest_bad(r, &here, "is missing the field 'decimals': thirds do not end");
    if (in->coded || in->presence)
        return manifest_bad(r, &here, "is a number: the input needs a 'unit'");
    if (in->take == TAKE_MEAN)
        return manifest_bad(r, &here, "and \"take\": \"mean\" would round twice; leave one out");
    in->mean_pressure = true;
    in->decimals = (uint32_t)decimals;
    return 0;
}

static int read_code(struct reader *r, const struct at *at, uint32_t i, const struct input *in, struct input_code *c)
{
    if (manifest_object(r, at, i, "system code display units values above range pressure") ||
        manifest_system_code(r, at, i, &c->code) || read_pressure(r, at, i, in, c) ||
        manifest_list(r, at, i, "units", false, MANIFEST_UNITS, 60, &c->units, &c->units_n) ||
        read_choices(r, at, i, &c->choice, &c->choices) || read_range(r, at, i, &c->hard, NULL) ||
        read_above(r, at, i, c))
        return -1;
    if (in->presence)
        return c->choices || c->above || c->units_n || c->hard.set
                   ? manifest_bad(r, at, "says something of the value, which an input with 'presence' does not look at")
                   : 0;
    if (!in->coded) {
        if (c->choices || c->above)
            return manifest_bad(r, at, "maps to words, but the input has a 'unit'; give it 'enum' instead");
        for (size_t u = 0; u < c->units_n; u++)
            if (!manifest_unit(in, c->units[u]))
                return manifest_bad(r, at, "'units' has '%.*s', which 'accept' does not list", SLICE_FMT(c->units[u]));
        return 0;
    }
    if (!c->choices && !c->above && !in->choices)
        return manifest_bad(r, at, "says nowhere how an answer becomes a word: add 'values' or 'above'");
    if (c->above && (!is_value(in, c->more) || !is_value(in, c->other)))
        return manifest_bad(r, at, "'above' gives a word that 'enum' does not list");
    return check_words(r, at, in, c->choice, c->choices);
}

static int read_status(struct reader *r, const struct at *at, uint32_t obj, struct input *in)
{
    static const char *const name[] = {"final", "amended", "corrected", "preliminary"};
    struct slice *list = NULL;
    size_t n = 0;
    struct at here = at_key(at, "status");
    if (manifest_list(r, at, obj, "status", false, 4, 32, &list, &n))
        return -1;
    in->status = n ? 0 : STATUS_FINAL | STATUS_AMENDED | STATUS_CORRECTED;
    for (size_t i = 0; i < n; i++) {
        size_t s = 0;
        while (s < 4 && !slice_is(list[i], name[s]))
            s++;
        if (s == 4)
            return manifest_bad(r, &here, "may list final, amended, corrected and preliminary only");
        in->status |= 1u << s;
    }
    return 0;
}

static int read_length(struct reader *r, const struct at *at, uint32_t obj, const char *key, struct slice *ret,
                       int64_t *ret_us)
{
    struct at here = at_key(at, key);
    if (manifest_text(r, at, obj, key, false, 32, ret))
        return -1;
    if (ret->n && (!clock_duration(*ret, ret_us) || *ret_us <= 0))
        return manifest_bad(r, &here, "must be an ISO 8601 duration above zero, such as PT12H or P90D");
    return 0;
}

static int read_take(struct reader *r, const struct at *at, uint32_t count, struct input *in)
{
    static const char *const word[] = {
#define TAKEN(name, word) word,
#include "models/takes.def"
#undef TAKEN
    };
    struct at here = at_key(at, "take");
    struct slice take = {0};
    int64_t decimals = 0;
    bool rounds = json_get(r->j, count, "decimals") != 0;
    if (manifest_text(r, at, count, "take", false, 16, &take) ||
        manifest_whole(r, at, count, "decimals", 0, MANIFEST_DECIMALS, &decimals))
        return -1;
    in->decimals = (uint32_t)decimals;
    while (take.n && in->take < TAKES && !slice_is(take, word[in->take]))
        in->take++;
    if (in->take == TAKES)
        return manifest_bad(r, &here, "can be \"latest\", \"earliest\", \"lowest\", \"highest\" or \"mean\"");
    if (in->take != TAKE_LATEST && in->take != TAKE_EARLIEST && (in->coded || in->presence))
        return manifest_bad(r, &here, "can be \"latest\" or \"earliest\" of what is no number");
    if ((in->take == TAKE_MEAN) != rounds)
        return manifest_bad(r, at, "has 'decimals' (0 to %d) with \"take\": \"mean\", and only then",
                            MANIFEST_DECIMALS);
    return 0;
}

static int read_count(struct reader *r, const struct at *at, uint32_t obj, struct input *in)
{
    uint32_t count = json_get(r->j, obj, "count");
    struct at here = at_key(at, "count");
    int64_t min = 1;
    in->count = 1;
    if (!count)
        return 0;
    if (manifest_object(r, &here, count, "min take decimals minGap span") ||
        manifest_whole(r, &here, count, "min", 1, MANIFEST_SAMPLES, &min) ||
        read_length(r, &here, count, "minGap", &in->min_gap, &in->min_gap_us) ||
        read_length(r, &here, count, "span", &in->span, &in->span_us))
        return -1;
    in->count = (uint32_t)min;
    if (in->span.n && min < 2)
        return manifest_bad(r, &here, "'span' is between two samples at least: say \"min\": 2");
    return read_take(r, &here, count, in);
}

/* precision and resource have one meaning so far. */
static int read_fixed(struct reader *r, const struct at *at, uint32_t obj)
{
    uint32_t v;
    struct at p = at_key(at, "precision");
    if ((v = json_get(r->j, obj, "precision")) && !json_is(r->j, v, "as-given"))
        return manifest_bad(r, &p, "can only be \"as-given\"");
    if ((v = json_get(r->j, obj, "resource")) && !json_is(r->j, v, "Observation"))
        return manifest_bad(r, at, "'resource' can only be \"Observation\"");
    return 0;
}

static int read_aliases(struct reader *r, const struct at *at, uint32_t obj, struct input *in)
{
    uint32_t list = manifest_elements(r, at, obj, "aliases", false, MANIFEST_UNITS);
    if (list == UINT32_MAX || list == 0)
        return list ? -1 : 0;
    struct at above = at_key(at, "aliases");
    if (!(in->alias = manifest_array(r, r->j->node[list].len, sizeof *in->alias)))
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), in->aliases++) {
        struct at here = at_index(&above, (uint32_t)in->aliases);
        struct alias *a = &in->alias[in->aliases];
        if (manifest_object(r, &here, k, "from to") || manifest_text(r, &here, k, "from", true, 60, &a->from) ||
            manifest_text(r, &here, k, "to", true, 60, &a->to))
            return -1;
        if (!manifest_unit(in, a->to))
            return manifest_bad(r, &here, "stands for '%.*s', which 'accept' does not list", SLICE_FMT(a->to));
        if (manifest_unit(in, a->from))
            return manifest_bad(r, &here, "'%.*s' is accepted as it is", SLICE_FMT(a->from));
    }
    return 0;
}

static int read_observation(struct reader *r, const struct at *at, uint32_t i, struct input *in)
{
    if (read_fixed(r, at, i) || read_length(r, at, i, "within", &in->within, &in->within_us) ||
        read_status(r, at, i, in) || manifest_list(r, at, i, "enum", false, 32, 64, &in->values, &in->values_n) ||
        manifest_bool(r, at, i, "presence", &in->presence) || read_choices(r, at, i, &in->choice, &in->choices) ||
        read_range(r, at, i, &in->hard, &in->soft))
        return -1;
    if (in->presence && (in->values_n || in->choices || in->hard.set || json_get(r->j, i, "unit") ||
                         json_get(r->j, i, "accept") || json_get(r->j, i, "convert")))
        return manifest_bad(r, at,
                            "has 'presence', so nothing is said of the value: no 'unit', 'accept', 'range', 'enum'");
    in->coded = in->values_n > 0;
    if (in->coded && (json_get(r->j, i, "unit") || json_get(r->j, i, "range") || json_get(r->j, i, "accept")))
        return manifest_bad(r, at, "has 'enum' (a word) and 'unit', 'accept' or 'range' (a number); keep one kind");
    if (!in->coded && in->choices)
        return manifest_bad(r, at, "has 'values' without 'enum', the list of words they map to");
    if (!in->presence && (in->coded ? check_words(r, at, in, in->choice, in->choices)
                                    : read_units(r, at, i, in) || read_aliases(r, at, i, in)))
        return -1;
    if (json_get(r->j, i, "aliases") && !in->aliases)
        return manifest_bad(r, at, "has 'aliases' of units, and no 'unit'");
    if (read_count(r, at, i, in) || read_mean_pressure(r, at, i, in))
        return -1;
    uint32_t list = manifest_elements(r, at, i, "anyOf", true, MANIFEST_CODES);
    if (list == UINT32_MAX)
        return -1;
    struct at above = at_key(at, "anyOf");
    in->code = manifest_array(r, r->j->node[list].len, sizeof *in->code);
    if (!in->code)
        return -1;
    for (uint32_t k = json_first(r->j, list); k != json_end(r->j, list); k = json_next(r->j, k), in->codes++) {
        struct at here = at_index(&above, (uint32_t)in->codes);
        if (read_code(r, &here, k, in, &in->code[in->codes]))
            return -1;
    }
    return check_pressures(r, at, in);
}

static int read_age(struct reader *r, const struct at *at, uint32_t i, struct input *in)
{
    struct slice derive = {0};
    struct at here = at_key(at, "derive");
    if (manifest_text(r, at, i, "derive", true, 96, &derive) || manifest_text(r, at, i, "unit", true, 16, &in->unit) ||
        read_range(r, at, i, &in->hard, &in->soft))
        return -1;
    if (!slice_is(in->unit, "a"))
        return manifest_bad(r, at, "'unit' of an age is \"a\", completed years");
    struct slice base = slice_cut(&derive, '@');
    bool of_sample = derive.n > 10 && memcmp(derive.p + derive.n - 10, ".effective", 10) == 0;
    if (!slice_is(base, "Patient.birthDate") || (derive.p && !of_sample))
        return manifest_bad(r, &here, "can be \"Patient.birthDate\" or \"Patient.birthDate@INPUT.effective\"");
    in->within =
        of_sample ? (struct slice){derive.p, derive.n - 10} : (struct slice){NULL, 0}; /* resolved when all are read */
    return 0;
}

static int read_gender(struct reader *r, const struct at *at, uint32_t i, struct input *in)
{
    in->coded = true;
    return manifest_list(r, at, i, "enum", true, 4, 16, &in->values, &in->values_n);
}

static int read_scalar(struct reader *r, const struct at *at, uint32_t obj, const char *key, struct slice *ret)
{
    uint32_t v = json_get(r->j, obj, key);
    if (!v || json_kind(r->j, v) == JSON_ARRAY || json_kind(r->j, v) == JSON_OBJECT)
        return manifest_bad(r, at, "needs '%s': a string, a number, true, false or null", key);
    *ret = json_span(r->j, v);
    return 0;
}

/* What a patient has or has not: a Condition, a drug. */
static int read_condition(struct reader *r, const struct at *at, uint32_t i, struct input *in)
{
    struct code *code;
    in->coded = true;
    if (manifest_anyof(r, at, i, &code, &in->codes) || read_scalar(r, at, i, "present", &in->present) ||
        read_scalar(r, at, i, "absent", &in->absent) || manifest_absence(r, at, i, &in->must_assert, &in->ever))
        return -1;
    in->code = manifest_array(r, in->codes, sizeof *in->code);
    if (!in->code)
        return -1;
    for (size_t k = 0; k < in->codes; k++)
        in->code[k].code = code[k];
    return 0;
}

static int read_medication(struct reader *r, const struct at *at, uint32_t i, struct input *in)
{
    return read_condition(r, at, i, in);
}

static bool is_name(struct slice s, size_t max)
{
    if (s.n == 0 || s.n > max || s.p[0] < 'a' || s.p[0] > 'z')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_' || s.p[i] == '-'))
            return false;
    return true;
}

static const struct {
    int (*read)(struct reader *r, const struct at *at, uint32_t i, struct input *in);
    const char *fields;
} source[] = {
#define SOURCE(name, reader, fields, what) [INPUT_##name] = {read_##reader, fields},
#include "models/inputs.def"
#undef SOURCE
};

static int source_of(struct reader *r, const struct at *at, uint32_t i, enum input_source *ret)
{
    uint32_t from = json_get(r->j, i, "from");
    *ret = json_get(r->j, i, "derive") ? INPUT_AGE : INPUT_OBSERVATION;
    if (!from)
        return 0;
    *ret = json_is(r->j, from, "Patient.gender") ? INPUT_GENDER
           : json_is(r->j, from, "Condition")    ? INPUT_CONDITION
           : json_is(r->j, from, "Medication")   ? INPUT_MEDICATION
                                                 : INPUT_SOURCES;
    return *ret != INPUT_SOURCES
               ? 0
               : manifest_bad(r, at, "'from' can be \"Patient.gender\", \"Condition\" or \"Medication\"");
}

static int read_input(struct reader *r, const struct at *at, uint32_t i, struct input *in)
{
    if (!is_name(in->name, 48))
        return manifest_bad(r, at, "is no name of an input: 1 to 48 of a-z, 0-9, _ and -, a letter first");
    if (json_kind(r->j, i) != JSON_OBJECT)
        return manifest_bad(r, at, "must be an object");
    in->required = true;
    in->age_of = -1;
    in->display = in->name;
    if (source_of(r, at, i, &in->source) || manifest_object(r, at, i, source[in->source].fields) ||
        manifest_bool(r, at, i, "required", &in->required) ||
        manifest_text(r, at, i, "display", false, 128, &in->display) ||
        manifest_text(r, at, i, "ask", false, 200, &in->ask))
        return -1;
    return source[in->source].read(r, at, i, in);
}

int manifest_read_inputs(struct reader *r, const struct at *top, uint32_t i, struct manifest *m)
{
    struct at at = at_key(top, "inputs");
    if (json_kind(r->j, i) != JSON_OBJECT || r->j->node[i].len < 1 || r->j->node[i].len > MANIFEST_INPUTS)
        return manifest_bad(r, &at, "must be an object of 1 to 64 inputs");
    m->input = manifest_array(r, r->j->node[i].len, sizeof *m->input);
    if (!m->input)
        return -1;
    for (uint32_t k = json_first(r->j, i); k != json_end(r->j, i); k = json_next(r->j, k), m->inputs++) {
        struct input *in = &m->input[m->inputs];
        in->name = json_text(r->j, k, r->a);
        struct at here = {&at, in->name, 0, NULL};
        if (read_input(r, &here, json_value(k), in))
            return -1;
    }
    for (size_t n = 0; n < m->inputs; n++) {
        struct input *in = &m->input[n];
        struct at here = {&at, in->name, 0, NULL};
        if (in->source != INPUT_AGE || in->within.n == 0)
            continue;
        in->age_of = manifest_find_input(m, in->within);
        in->within = (struct slice){NULL, 0};
        if (in->age_of < 0 || m->input[in->age_of].source != INPUT_OBSERVATION)
            return manifest_bad(r, &here, "'derive' names no input that is an Observation");
    }
    return 0;
}
