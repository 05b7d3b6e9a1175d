/* Units: the traps of the clinic and UCUM's own magnitudes, typed by hand. What is published with UCUM is in
 * test_ucum_data.c. */
#include "test.h"

#include <stdio.h>

#include "base/fault.h"
#include "ucum/unit_int.h"

static struct ucum_number number(const char *text)
{
    struct ucum_number v;
    if (!ucum_number(slice_of(text), &v))
        fail_msg("'%s' is no number", text);
    return v;
}

static const struct ucum_unit *unit(struct arena *a, const char *code)
{
    struct ucum_fault f;
    const struct ucum_unit *u = ucum_parse(a, slice_of(code), &f);
    if (!u)
        fail_msg("'%s': %s", code, f.text);
    return u;
}

static const struct ucum_pair *pair_of(struct arena *a, const char *from, const char *to,
                                       const struct ucum_substance *of)
{
    struct ucum_fault f;
    const struct ucum_pair *p = ucum_pair(a, unit(a, from), unit(a, to), of ? UCUM_APART : UCUM_BY_DEFINITION, of, &f);
    if (!p)
        fail_msg("'%s' to '%s': %s", from, to, f.text);
    return p;
}

/* The exact text, or what it is rounded to with "~" in front, or with "about " what was computed in floating point. */
static const char *converted_of(struct arena *a, const char *value, const char *from, const char *to, unsigned digits,
                                const struct ucum_substance *of)
{
    struct ucum_number v = number(value);
    struct slice text;
    enum ucum_end end;
    if (ucum_convert(pair_of(a, from, to, of), &v, digits, a, &text, &end) != 1)
        return "refused";
    return arena_printf(a, "%s%.*s", end == UCUM_EXACT ? "" : end == UCUM_ROUNDED ? "~" : "about ", SLICE_FMT(text));
}

static const char *converted(struct arena *a, const char *value, const char *from, const char *to)
{
    return converted_of(a, value, from, to, 20, NULL);
}

static int compared(struct arena *a, const char *value, const char *from, const char *limit, const char *to)
{
    struct ucum_number v = number(value), l = number(limit);
    int d;
    CHECK(ucum_compare(pair_of(a, from, to, NULL), &v, &l, &d));
    return d;
}

TEST(a_value_on_the_edge_is_on_the_edge_in_every_unit)
{
    static const struct {
        const char *value, *unit, *limit, *limit_unit;
        int order;
    } row[] = {
        {"100.4", "[degF]", "38", "Cel", 0},
        {"100.40", "[degF]", "38.0", "Cel", 0},
        {"100.5", "[degF]", "38", "Cel", 1},
        {"95", "[degF]", "35", "Cel", 0},
        {"94.9", "[degF]", "35.0", "Cel", -1},
        {"96.8", "[degF]", "36", "Cel", 0},
        {"311.15", "K", "38", "Cel", 0},
        {"4000", "/uL", "4", "10*3/uL", 0},
        {"4", "10*3/uL", "4", "10*9/L", 0},
        {"4000", "/uL", "4", "10*9/L", 0},
        {"3999", "/uL", "4", "10*9/L", -1},
        {"12000", "/mm3", "12", "10*9/L", 0},
        {"12100", "/uL", "12", "10*9/L", 1},
        {"4.2", "kPa", "32", "mm[Hg]", -1},
        {"4.3", "kPa", "32", "mm[Hg]", 1},
        {"16", "kPa", "120", "mm[Hg]", 1},
        {"-40", "[degF]", "-40", "Cel", 0},
        {"0", "/uL", "0", "10*9/L", 0},
        {"-1", "mg", "1", "g", -1},
        {"0.1e1", "mg/dl", "10", "mg/L", 0},
        {"1e-300", "g", "1e-303", "kg", 0},
        {"1e300", "g", "1e298", "kg", -1},
        {"12345678901234567890123456789", "ng", "12345678901234567890.123456789", "g", 0},
        {"12345678901234567890123456789", "ng", "12345678901234567890.123456788", "g", 1},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++)
        if (compared(a, row[i].value, row[i].unit, row[i].limit, row[i].limit_unit) != row[i].order)
            fail_msg("%s %s against %s %s", row[i].value, row[i].unit, row[i].limit, row[i].limit_unit);
}

TEST(a_conversion_is_exact_or_says_that_it_is_not)
{
    static const struct {
        const char *value, *from, *to, *text;
    } row[] = {
        {"100.4", "[degF]", "Cel", "38"},
        {"95", "[degF]", "Cel", "35"},
        {"100.6", "[degF]", "Cel", "~38.111111111111111111"},
        {"37", "Cel", "[degF]", "98.6"},
        {"0", "K", "Cel", "-273.15"},
        {"0", "Cel", "[degRe]", "0"},
        {"80", "[degRe]", "Cel", "100"},
        {"1000", "mCel", "Cel", "1"},
        {"4", "10*3/uL", "10*9/L", "4"},
        {"16", "kPa", "mm[Hg]", "~120.01020086707370126"},
        {"1", "[lb_av]", "kg", "0.45359237"},
        {"1", "[ft_us]", "m", "~0.30480060960121920244"},
        {"1", "a", "h", "8766"},
        {"2", "KiBy", "bit", "16384"},
        {"1", "mol", "1", "602213670000000000000000"},
        {"1e20", "Ym", "ym", "1e68"},
        {"1", "ym", "Ym", "1e-48"},
        {"7", "[pH]", "mol/L", "about 0.0000001"},
        {"20", "dB", "1", "about 100"},
        {"20", "dB", "B", "2"},
        {"60", "dB[SPL]", "Pa", "about 0.02"},
        {"45", "deg", "%[slope]", "about 100"},
        {"100", "%[slope]", "[p'diop]", "about 100"},
        {"3", "bit_s", "1", "about 8"},
        {"1", "[IU]/mL", "[iU]/L", "1000"},
        {"1", "%", "[ppm]", "10000"},
        {"1", "[diop]", "/cm", "0.01"},
        {"0.5", "[hp'_X]", "[hp'_X]", "0.5"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *got = converted(a, row[i].value, row[i].from, row[i].to);
        if (strcmp(got, row[i].text))
            fail_msg("%s %s is %s %s, not %s", row[i].value, row[i].from, got, row[i].to, row[i].text);
    }
}

TEST(what_ends_in_no_decimal_is_a_fraction_when_it_has_to_be_whole)
{
    static const struct {
        const char *value, *from, *to, *text;
    } row[] = {
        {"1", "[degF]", "K", "46067/180"},   {"-1", "min", "h", "-1/60"},
        {"100.4", "[degF]", "Cel", "38"},    {"1", "/[ly]", "/m", "1/9460730472580800"},
        {"250", "mm[Hg]", "kPa", "33.3305"}, {"1.5", "m/s", "m/min", "90"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct ucum_number v = number(row[i].value);
        struct slice text;
        CHECK_INT(ucum_convert_whole(pair_of(a, row[i].from, row[i].to, NULL), &v, a, &text), 1);
        CHECK_SLICE(text, row[i].text);
    }
}

TEST(mass_becomes_amount_by_the_molar_mass)
{
    static const struct {
        const char *value, *from, *to, *mass;
        unsigned charge;
        const char *text;
    } row[] = {
        {"79.56", "umol/L", "mg/dL", "113.12", 0, "0.89998272"}, /* creatinine */
        {"1", "mg/dL", "umol/L", "113.12", 0, "~88.401697313"},
        {"100", "mg/dL", "mmol/L", "180.156", 0, "~5.55074491"}, /* glucose */
        {"5", "meq/L", "mg/dL", "40.078", 2, "10.0195"},         /* calcium */
        {"2.5", "mmol/L", "meq/L", "", 2, "5"},
        {"5", "meq/L", "mmol/L", "", 2, "2.5"},
        {"5", "meq/L", "meq/dL", "", 0, "0.5"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct ucum_substance of = {slice_of(row[i].mass), row[i].charge};
        const char *got = converted_of(a, row[i].value, row[i].from, row[i].to, 11, &of);
        if (strcmp(got, row[i].text))
            fail_msg("%s %s of %s g/mol is %s %s, not %s", row[i].value, row[i].from, row[i].mass, got, row[i].to,
                     row[i].text);
    }
}

/* NULL when the two make a pair. */
static const char *refusal(struct arena *a, const char *from, const char *to, enum ucum_rule rule)
{
    struct ucum_fault *f = TAKE_NEW(a, struct ucum_fault);
    return ucum_pair(a, unit(a, from), unit(a, to), rule, NULL, f) ? NULL : f->text;
}

TEST(kinds_that_are_no_multiple_of_each_other_are_kept_apart)
{
    static const struct {
        const char *from, *to;
        bool by_definition;
    } row[] = {
        {"mmol/L", "meq/L", true}, {"mmol/L", "10*9/L", true},   {"mosm/kg", "mmol/kg", true}, {"kat", "Hz", true},
        {"[IU]", "U", false},      {"[IU]/L", "[CFU]/L", false}, {"[IU]", "1", false},         {"m", "s", false},
        {"rad", "1", false},       {"Cel", "s", false},          {"mg/dL", "mmol/L", false},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK(refusal(a, row[i].from, row[i].to, UCUM_APART));
        CHECK(!refusal(a, row[i].from, row[i].to, UCUM_BY_DEFINITION) == row[i].by_definition);
        CHECK(ucum_commensurable(unit(a, row[i].from), unit(a, row[i].to)) == row[i].by_definition);
    }
}

TEST(kelvin_per_microlitre_is_no_count)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    CHECK_STR(refusal(a, "K/uL", "10*9/L", UCUM_APART),
              "'K/uL' is kelvin per microliter, which does not become '10*9/L'; '10*3/uL' is probably meant");
}

/* Typed from UCUM's tables: the seven base units, and a dozen others. */
TEST(units_are_what_ucum_says)
{
    static const struct {
        const char *code, *base, *factor;
    } row[] = {
        {"m", "m", "1"},
        {"s", "s", "1"},
        {"g", "g", "1"},
        {"rad", "rad", "1"},
        {"K", "K", "1"},
        {"C", "C", "1"},
        {"cd", "cd", "1"},
        {"mol", "1", "602213670000000000000000"},
        {"L", "m3", "0.001"},
        {"N", "g.m/s2", "1000"},
        {"mm[Hg]", "g/m/s2", "133322"},
        {"[in_i]", "m", "0.0254"},
        {"[lb_av]", "g", "453.59237"},
        {"[gal_us]", "m3", "0.003785411784"},
        {"cal", "g.m2/s2", "4184"},
        {"Ci", "/s", "37000000000"},
        {"a_g", "s", "31556952"},
        {"U", "/s", "10036894500000000"},
        {"[degR]", "K", "5/9"},
        {"V", "g.m2.s-2.C-1", "1000"},
        {"[S]", "s", "0.0000000000001"},
        {"[mesh_i]", "m-1", "5000/127"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct ucum_number v = number("1");
        struct slice text;
        CHECK_INT(ucum_convert_whole(pair_of(a, row[i].code, row[i].base, NULL), &v, a, &text), 1);
        CHECK_SLICE(text, row[i].factor);
    }
}

TEST(a_number_is_read_as_it_is_written_or_not_at_all)
{
    static const char *const bad[] = {
        "",     "-",     "+",      ".",   ".5",  "5.",
        "1e",   "1e+",   "1e5.5",  "1,5", " 1",  "1 ",
        "0x10", "1e401", "1e-500", "NaN", "--1", "12345678901234567890123456789012345678901234567890123456789012345"};
    static const char *const good[] = {"0", "-0", "00.00", "1e0", "1E+5", "1e-399", "-12.50"};
    struct ucum_number v;
    for (size_t i = 0; i < COUNT(bad); i++)
        if (ucum_number(slice_of(bad[i]), &v))
            fail_msg("'%s' is a number", bad[i]);
    for (size_t i = 0; i < COUNT(good); i++)
        CHECK(ucum_number(slice_of(good[i]), &v));
    CHECK(ucum_number(SLICE("-0.0"), &v) && v.n == 0 && !v.negative);
    CHECK(ucum_number(SLICE("1200.00"), &v) && v.n == 1 && v.limb[0] == 12 && v.ten == 2);
}

TEST(no_code_can_be_read_in_two_ways)
{
    const struct table *t = &ucum_table;
    size_t codes = 0;
    for (size_t i = 0; i < t->prefixes; i++)
        for (size_t k = 0; k < t->atoms; k++) {
            char text[64];
            int n = snprintf(text, sizeof text, "%s%s", t->prefix[i].code, t->atom[k].code);
            struct slice code = {text, (size_t)n};
            if (!t->atom[k].metric)
                continue;
            if (atom_find(t, code, NULL) >= 0) /* "cd" is candela: no centiday, a day takes no prefix */
                fail_msg("'%s' is an atom and has a prefix", text);
            for (size_t j = 0; j < t->prefixes; j++) {
                size_t m = strlen(t->prefix[j].code);
                int other = j != i && slice_starts(code, t->prefix[j].code)
                                ? atom_find(t, (struct slice){text + m, code.n - m}, NULL)
                                : -1;
                if (other >= 0 && t->atom[other].metric)
                    fail_msg("'%s' has two prefixes", text);
            }
            codes++;
        }
    CHECK(codes > 2000);
}

TEST(what_was_probably_meant_is_said)
{
    static const struct {
        const char *written, *meant; /* "": nobody knows */
    } row[] = {
        {"mmHg", "mm[Hg]"},
        {"MG/DL", "mg/dL"},
        {"MMOL/L", "mmol/L"},
        {"mcg/hr", "ug/h"},
        {"12h", "12.h"},
        {"mg/12h", "mg/12.h"},
        {"mg / dL", "mg/dL"},
        {"\u00B5mol/L", "umol/L"},
        {"\u00B0C", "Cel"},
        {"bpm", "/min"},
        {"beats/min", "{beats}/min"},
        {"x10^3/uL", "10^3/uL"},
        {"10E3/uL", "10*3/uL"},
        {"k/uL", "10*3/uL"},
        {"kg/m^2", "kg/m2"},
        {"kg/m\u00B2", "kg/m2"},
        {"mEq/L", "meq/L"},
        {"IU/mL", "[IU]/mL"},
        {"m[iIU]/L", "m[IU]/L"},
        {"cm[H20]", "cm[H2O]"},
        {"mmol/kg[H20]", ""},
        {"[degf]", "[degF]"},
        {"[in_1]", "[in_i]"},
        {"umoll/L", "umol/L"},
        {"lbs", "[lb_av]"},
        {"molv", "mol"},
        {"widgets/d", "{widgets}/d"},
        {"?", ""},
        {"", ""},
        {"mg/dL", ""},
    };
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct slice meant = {NULL, 0};
        int found = ucum_meant(a, slice_of(row[i].written), &meant);
        if (found != (*row[i].meant != 0) || (found && !slice_is(meant, row[i].meant)))
            fail_msg("'%s' should mean '%s', not '%.*s'", row[i].written, row[i].meant, SLICE_FMT(meant));
    }
}

TEST(a_unit_has_a_name_a_dimension_and_base_units)
{
    static const struct {
        const char *code, *name, *dimension, *base;
    } row[] = {
        {"mg/dL", "milligram per deciliter", "mass / length^3", "g/m3"},
        {"10*9/L", "10^9 per liter", "1 / length^3", "/m3"},
        {"/min", "per minute", "1 / time", "/s"},
        {"mm[Hg]", "millimeter of mercury column", "mass / length / time^2", "g/m/s2"},
        {"kg/m2", "kilogram per square meter", "mass / length^2", "g/m2"},
        {"mL/min/{1.73_m2}", "milliliter per minute per {1.73_m2}", "length^3 / time", "m3/s"},
        {"[IU]/L", "international unit per liter", "[iU] / length^3", "[iU]/m3"},
        {"mmol/L", "millimole per liter", "amount of substance / length^3", "mol/m3"},
        {"m/(s.s)", "meter per second per second", "length / time^2", "m/s2"},
        {"%", "percent", "none: a number", "1"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        const struct ucum_unit *u = unit(a, row[i].code);
        struct buf name = buf_in(a, 1000), dimension = buf_in(a, 1000), base = buf_in(a, 1000);
        ucum_name(u, &name);
        ucum_dimension(u, &dimension);
        ucum_base(u, &base);
        CHECK_SLICE(buf_text(&name), row[i].name);
        CHECK_SLICE(buf_text(&dimension), row[i].dimension);
        CHECK_SLICE(buf_text(&base), row[i].base);
    }
}

/* n times `part`, with `more` behind it */
static const char *repeated(struct arena *a, const char *part, int n, const char *more)
{
    struct buf b = buf_in(a, 4096);
    for (int i = 0; i < n; i++)
        buf_str(&b, part);
    buf_str(&b, more);
    buf_byte(&b, 0);
    return b.p;
}

/* Each step succeeds, or says that memory is out; nothing in between. How many succeeded. */
static int short_of_memory(struct arena *a)
{
    struct ucum_fault f;
    struct ucum_number v = number("1");
    struct slice text = SLICE("untouched");
    enum ucum_end end;
    int ok = 0, got;
    const struct ucum_unit *u = ucum_parse(a, SLICE("[degF]"), &f), *w = u ? ucum_parse(a, SLICE("K"), &f) : NULL;
    const struct ucum_pair *p = w ? ucum_pair(a, u, w, UCUM_APART, NULL, &f) : NULL;
    if (!p) {
        CHECK_STR(f.text, "");
        return 0;
    }
    got = ucum_convert(p, &v, 17, a, &text, &end);
    CHECK(got == -1 || (got == 1 && slice_is(text, "255.92777777777778")));
    ok += got == 1;
    got = ucum_convert_whole(p, &v, a, &text);
    CHECK(got == -1 || (got == 1 && slice_is(text, "46067/180")));
    ok += got == 1;
    got = ucum_meant(a, SLICE("widgets/hr"), &text);
    CHECK(got == -1 || (got == 1 && slice_is(text, "{widgets}/h")));
    ok += got == 1;
    unsigned before = arena_failed(a);
    CHECK(!ucum_pair(a, u, ucum_parse(a, SLICE("m"), &f) ?: w, UCUM_APART, NULL, &f) || arena_failed(a) > before);
    return ok;
}

TEST(memory_that_runs_out_is_said_and_decides_nothing)
{
    int least = 3, most = 0;
    for (size_t limit = 0; limit < 40000; limit += 200) {
        OWN_ARENA struct arena *a = arena_new(limit);
        int ok = short_of_memory(a);
        least = ok < least ? ok : least;
        most = ok > most ? ok : most;
    }
    CHECK(least == 0 && most == 3);
#ifdef LAZARET_FAULTS
    for (long n = 1; n <= 60; n++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        fault_arm(FAULT_ALLOC, n, 0);
        int ok = short_of_memory(a);
        fault_arm(FAULT_ALLOC, 0, 0);
        CHECK(n < 40 || ok == 3);
    }
#endif
}

TEST(limits_hold_at_the_one_past_them)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    const char *digits = "1234567890123456789012345678901234567890123456789012345678901234";
    const struct {
        const char *within, *past, *sentence;
    } row[] = {
        {repeated(a, "1.", 127, "s"), repeated(a, "1.", 127, "mm"), "found a code of 256 bytes, expected at most 255"},
        {arena_printf(a, "%sm%s", repeated(a, "(", 16, ""), repeated(a, ")", 16, "")),
         arena_printf(a, "%sm%s", repeated(a, "(", 17, ""), repeated(a, ")", 17, "")),
         "found more than 16 parentheses in each other"},
        {"10*400", "10*401", "found the exponent 401, expected one up to 400"},
        {"10*-400", "10*99999999999999999999", "found the exponent 99999999999999999999, expected one up to 400"},
        {digits, arena_printf(a, "%s1", digits), "found a number of 65 digits, expected at most 64"},
        {"m100", "m101", "this is too large or too small a unit to compute with"},
        {"[pi]2", "[pi]3", "this is too large or too small a unit to compute with"},
        {"[IU].[CFU].[PFU].[FFU]", "[IU].[CFU].[PFU].[FFU].[BAU]",
         "this is too large or too small a unit to compute with"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct ucum_fault f;
        unit(a, row[i].within);
        CHECK(!ucum_parse(a, slice_of(row[i].past), &f) && !ucum_valid(slice_of(row[i].past)));
        CHECK_STR(f.text, row[i].sentence);
    }
}

TEST(what_is_no_code_is_refused_with_its_place)
{
    static const struct {
        const char *code;
        size_t at;
        const char *sentence;
    } row[] = {
        {"", 0, "found nothing, expected a unit; the unit of a plain number is 1"},
        {"mg dL", 2, "found a space; no code of UCUM has one"},
        {"m\u00B2", 1, "found a character that is no printable ASCII, as all of UCUM is"},
        {"mg//dL", 3, "found '/', expected a unit"},
        {".m", 0, "found '.', expected a unit"},
        {"/", 1, "found the end, expected a unit after '/'"},
        {"m.", 2, "found the end, expected a unit after '.'"},
        {"(m", 0, "found '(' without its ')'"},
        {"m)", 1, "found ')' without its '('"},
        {"()", 1, "found ')', expected a unit after '('"},
        {"(m)2", 3, "found '2' after ')', expected '.', '/' or the end; an exponent belongs to each unit"},
        {"(/m)", 1, "found '/', expected a unit"},
        {"m{a", 1, "found '{' without its '}', expected an annotation like {cells}"},
        {"m{a{b}}", 3, "found '{' in an annotation, where UCUM has printable ASCII without spaces"},
        {"m{a}{b}", 4, "found a second annotation, expected one to a unit"},
        {"{a}m", 3, "found 'm' after an annotation, expected '.', '/' or the end"},
        {"m-", 2, "found '-' without a number, expected an exponent like in m2 or s-1"},
        {"m2.5s", 4, "found 's' after a number, expected '.' between them, as in 12.h"},
        {"10-3", 2, "found '-' after a number; a power of ten is written 10*3 or 10*-3"},
        {"0.m", 0, "found 0 as a factor; no unit is zero of another"},
        {"[in_i", 0, "found '[' without its ']'"},
        {"in_i]", 4, "found ']' without its '['"},
        {"xm", 0, "'xm' is no unit of UCUM"},
        {"kmin", 0, "'kmin' is no unit of UCUM"}, /* a minute takes no prefix */
        {"mg/Dl", 3, "'Dl' is no unit of UCUM"},
        {"Cel2", 0, "'Cel' is a special unit, a scale with a function of its own; it has no exponent"},
        {"Cel/s", 4,
         "'Cel' is a special unit, a scale with a function of its own; it cannot be divided by another unit"},
        {"m.Cel", 2,
         "'Cel' is a special unit, a scale with a function of its own; it cannot be multiplied by another unit"},
    };
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(row); i++) {
        struct ucum_fault f;
        if (ucum_parse(a, slice_of(row[i].code), &f))
            fail_msg("'%s' is a unit", row[i].code);
        if (f.at != row[i].at || strcmp(f.text, row[i].sentence))
            fail_msg("'%s': at %zu: %s", row[i].code, f.at, f.text);
    }
}

RUN(T(memory_that_runs_out_is_said_and_decides_nothing), T(limits_hold_at_the_one_past_them),
    T(what_is_no_code_is_refused_with_its_place), T(a_value_on_the_edge_is_on_the_edge_in_every_unit),
    T(a_conversion_is_exact_or_says_that_it_is_not), T(what_ends_in_no_decimal_is_a_fraction_when_it_has_to_be_whole),
    T(mass_becomes_amount_by_the_molar_mass), T(kinds_that_are_no_multiple_of_each_other_are_kept_apart),
    T(kelvin_per_microlitre_is_no_count), T(units_are_what_ucum_says), T(no_code_can_be_read_in_two_ways),
    T(what_was_probably_meant_is_said), T(a_unit_has_a_name_a_dimension_and_base_units),
    T(a_number_is_read_as_it_is_written_or_not_at_all))
