/* gen_ucum.c -- reads the units and prefixes of UCUM and writes the table of src/ucum.
 *
 *     gen_ucum UCUMDEFS.json OUT.c
 *
 * The source is the data file of @lhncbc/ucum-lhc. Taken are the strings that define a unit: its codes, names, the unit
 * it is defined by (csUnitString_) and how many of that it is (baseFactorStr_). Never taken are the computed magnitudes
 * (magnitude_, baseFactor_), which are rounded doubles, and the computed dimensions. What a unit is in base units is
 * worked out here with the arithmetic and the parser of src/ucum itself.
 *
 * These things are put right, and any other surprise ends the build:
 *   definitions that lost their beginning in the package are as UCUM has them (mended, below);
 *   special units have their functions and reference units from special.def, of the same dimension as the package says;
 *   mol, eq and osm, which UCUM defines as numbers, are marked as kinds of amount. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/own.h"
#include "ucum/unit_int.h"

enum { ATOMS = 400, ATOMS_LEAST = 300, PREFIXES = 40, LIMBS = 4000 };

static struct atom atoms[ATOMS];
static enum { NEW, BUSY, DONE } state[ATOMS];
static struct prefix prefixes[PREFIXES];
static mp_limb_t limbs[LIMBS];
static size_t limb_count;
static struct table table = {.atom = atoms, .prefix = prefixes, .limb = limbs};
static struct arena *arena;

/* Where the package's string lacks what stands in UCUM's table before the unit. */
static const struct {
    const char *code, *package, *ucum;
} mended[] = {
    {"[diop]", "m", "/m"},      {"[mesh_i]", "[in_i]", "/[in_i]"},
    {"Bd", "s", "/s"},          {"[mu_0]", "N/A2", "4.[pi].10*-7.N/A2"},
    {"Oe", "A/m", "/[pi].A/m"}, {"[S]", "s", "10*-13.s"},
};
/* Where the package's own number contradicts its strings, and the strings are right. */
static const char *const miscomputed[] = {"[mesh_i]", "[LPF]"};

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("gen_ucum: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static struct slice read_file(const char *path)
{
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        die("cannot read %s", path);
    long n = ftell(f);
    char *text = n > 0 ? arena_take(arena, (size_t)n) : NULL;
    rewind(f);
    if (!text || fread(text, 1, (size_t)n, f) != (size_t)n)
        die("cannot read %s", path);
    return (struct slice){text, (size_t)n};
}

/* --- the package's lists: "config" names the columns, "data" has the rows --- */

struct list {
    const struct json *j;
    uint32_t config, data;
};

static struct list list_of(const struct json *j, const char *name)
{
    uint32_t o = json_get_kind(j, 0, name, JSON_OBJECT);
    struct list l = {j, json_get_kind(j, o, "config", JSON_ARRAY), json_get_kind(j, o, "data", JSON_ARRAY)};
    if (!o || !l.config || !l.data)
        die("there is no list '%s' with config and data", name);
    return l;
}

/* The value in a named column of a row. */
static uint32_t cell(const struct list *l, uint32_t row, const char *column)
{
    uint32_t v = json_first(l->j, row);
    for (uint32_t c = json_first(l->j, l->config); c != json_end(l->j, l->config); c = json_next(l->j, c)) {
        if (v == json_end(l->j, row))
            break;
        if (json_kind(l->j, c) == JSON_STRING && json_is(l->j, c, column))
            return v;
        v = json_next(l->j, v);
    }
    die("a row has no column '%s'", column);
}

static const char *text(const struct list *l, uint32_t row, const char *column)
{
    uint32_t v = cell(l, row, column);
    const char *z = json_kind(l->j, v) == JSON_STRING ? arena_str(arena, json_text(l->j, v, arena)) : "";
    if (!z)
        die("out of memory");
    return z;
}

static bool yes(const struct list *l, uint32_t row, const char *column)
{
    return json_kind(l->j, cell(l, row, column)) == JSON_TRUE;
}

static void read_prefixes(const struct json *j)
{
    struct list l = list_of(j, "prefixes");
    for (uint32_t r = json_first(j, l.data); r != json_end(j, l.data); r = json_next(j, r)) {
        struct prefix p = {text(&l, r, "code_"), text(&l, r, "ciCode_"), text(&l, r, "name_"), 0, 0};
        const char *exp = text(&l, r, "exp_");
        int64_t v;
        if (table.prefixes == PREFIXES)
            die("more prefixes than expected");
        if (slice_int(slice_of(exp), -99, 99, &v))
            p.ten = (int16_t)v;
        else if (!*exp && slice_int(json_raw(j, cell(&l, r, "value_")), 2, INT64_MAX, &v))
            p.times = (uint64_t)v; /* a power of two, written out */
        else
            die("what is the prefix '%s'?", p.code);
        prefixes[table.prefixes++] = p;
    }
}

static int by_code(const void *x, const void *y)
{
    return strcmp(((const struct atom *)x)->code, ((const struct atom *)y)->code);
}

static void mend(struct atom *a)
{
    for (size_t i = 0; i < COUNT(mended); i++)
        if (!strcmp(a->code, mended[i].code)) {
            if (strcmp(a->definition, mended[i].package))
                die("'%s' is defined by '%s' now: is it still to be mended?", a->code, a->definition);
            a->definition = mended[i].ucum;
        }
}

static void read_units(const struct json *j)
{
    struct list l = list_of(j, "units");
    for (uint32_t r = json_first(j, l.data); r != json_end(j, l.data); r = json_next(j, r)) {
        if (strcmp(text(&l, r, "source_"), "UCUM")) /* the others are made up of these */
            continue;
        if (table.atoms == ATOMS)
            die("more units than expected");
        struct atom *a = &atoms[table.atoms++];
        bool base = yes(&l, r, "isBase_");
        *a = (struct atom){.code = text(&l, r, "csCode_"),
                           .upper = text(&l, r, "ciCode_"),
                           .name = text(&l, r, "name_"),
                           .property = text(&l, r, "property_"),
                           .definition = text(&l, r, "csUnitString_"),
                           .times = text(&l, r, "baseFactorStr_"),
                           .metric = base || yes(&l, r, "isMetric_"),
                           .arbitrary = yes(&l, r, "isArbitrary_")};
        const char *function = text(&l, r, "cnv_");
        if (!*a->name)
            a->name = a->code;
        a->special = yes(&l, r, "isSpecial_");
        if (a->special != (*function && strcmp(function, "inv")))
            die("'%s' has a function, but is not special", a->code);
        mend(a);
        if (base ? *a->definition != 0 : !*a->definition || (!*a->times && !a->special))
            die("'%s' is not defined by strings", a->code);
    }
    qsort(atoms, table.atoms, sizeof atoms[0], by_code);
    for (size_t i = 1; i < table.atoms; i++)
        if (!strcmp(atoms[i].code, atoms[i - 1].code))
            die("'%s' is there twice", atoms[i].code);
}

/* --- what each is in base units --- */

/* Called when a definition names an atom. */
static void resolve(size_t i);

static void read_expression(const char *code, const char *of, struct measure *ret)
{
    struct reading r = {.table = &table, .before = resolve};
    struct ucum_fault f;
    if (unit_read(&r, slice_of(code), ret, &f))
        die("'%s' is defined by '%s': %s", of, code, f.text);
}

static void store(struct atom *a, const struct ratio *x)
{
    size_t n = x->up.n + x->down.n;
    if (limb_count + n > LIMBS || x->up.n > UINT8_MAX || x->down.n > UINT8_MAX || x->ten < INT16_MIN ||
        x->ten > INT16_MAX)
        die("'%s' is too large", a->code);
    a->limb = (uint16_t)limb_count;
    a->up_n = (uint8_t)x->up.n;
    a->down_n = (uint8_t)x->down.n;
    a->ten = (int16_t)x->ten;
    memcpy(limbs + limb_count, x->up.d, x->up.n * sizeof limbs[0]);
    memcpy(limbs + limb_count + x->up.n, x->down.d, x->down.n * sizeof limbs[0]);
    limb_count += n;
}

static void resolve_special(struct atom *a, struct measure *u)
{
    struct measure said;
    const struct special_row *row = special_rows;
    while (row < special_rows + special_count && strcmp(row->code, a->code))
        row++;
    if (row == special_rows + special_count)
        die("'%s' is special, and special.def does not know it", a->code);
    read_expression(row->reference, a->code, u);
    read_expression(a->definition, a->code, &said);
    if (!dimension_eq(&u->dim, &said.dim, true))
        die("'%s' refers to '%s' in special.def, but the package says '%s'", a->code, row->reference, a->definition);
    a->special = (uint8_t)(row - special_rows + 1);
}

static void resolve(size_t i)
{
    static const char *const base[DIMS] = {"m", "s", "g", "rad", "K", "C", "cd"};
    static const char *const kind[KINDS] = {"mol", "eq", "osm"};
    struct atom *a = &atoms[i];
    struct measure u = {.atom = -1};
    struct ratio times;
    if (state[i] == DONE)
        return;
    if (state[i] == BUSY)
        die("'%s' is defined by itself", a->code);
    state[i] = BUSY;
    ratio_one(&u.factor);
    if (!*a->definition) {
        for (int k = 0; k < DIMS; k++)
            u.dim.base[k] = !strcmp(a->code, base[k]);
        if (dimension_is_one(&u.dim))
            die("'%s' is no base unit that is known here", a->code);
    } else if (a->special) {
        resolve_special(a, &u);
    } else {
        read_expression(a->definition, a->code, &u);
        if (!ratio_read(&times, slice_of(a->times)) || !ratio_mul(&u.factor, &times))
            die("'%s' is '%s' times '%s'?", a->code, a->times, a->definition);
    }
    if (u.atom >= 0)
        die("'%s' is defined by a special unit", a->code);
    for (int k = 0; k < KINDS; k++)
        if (!strcmp(a->code, kind[k])) {
            memset(u.dim.kind, 0, sizeof u.dim.kind);
            u.dim.kind[k] = 1;
        }
    if (a->arbitrary && u.dim.arbitraries == 0) {
        u.dim.arbitraries = 1;
        u.dim.arbitrary[0] = (struct arbitrary){.atom = (uint16_t)i, .exp = 1};
    }
    store(a, &u.factor);
    a->dim = u.dim;
    state[i] = DONE;
}

/* The package's numbers are good enough to find a definition that was cut: each must agree but for rounding. */
static void check_magnitudes(const struct json *j)
{
    struct list l = list_of(j, "units");
    for (uint32_t r = json_first(j, l.data); r != json_end(j, l.data); r = json_next(j, r)) {
        struct ratio x;
        char up[BIG_TEXT + 1], down[BIG_TEXT + 1], said[64];
        bool known = false;
        if (strcmp(text(&l, r, "source_"), "UCUM") || yes(&l, r, "isSpecial_"))
            continue;
        const struct atom *a = &atoms[atom_find(&table, slice_of(text(&l, r, "csCode_")), NULL)];
        if (!atom_factor(&table, a, &x))
            die("'%s' is too large", a->code);
        up[big_write(&x.up, up)] = 0;
        down[big_write(&x.down, down)] = 0;
        snprintf(said, sizeof said, "%.*s", SLICE_FMT(json_raw(j, cell(&l, r, "magnitude_"))));
        double ours = strtod(up, NULL) / strtod(down, NULL) * pow(10, x.ten), theirs = strtod(said, NULL);
        for (size_t i = 0; i < COUNT(miscomputed); i++)
            known = known || !strcmp(a->code, miscomputed[i]);
        if ((fabs(ours - theirs) > 1e-9 * fabs(theirs)) != known)
            die("'%s' is %g by its definition and %s by the package's number", a->code, ours, said);
    }
}

/* --- writing --- */

static void put_string(FILE *out, const char *z)
{
    fputc('"', out);
    for (; *z; z++)
        if (*z == '"' || *z == '\\')
            fprintf(out, "\\%c", *z);
        else if ((unsigned char)*z < ' ' || (unsigned char)*z > '~')
            fprintf(out, "\\%03o", (unsigned char)*z);
        else
            fputc(*z, out);
    fputs("\", ", out);
}

static void put_numbers(FILE *out, const int8_t *v, size_t n)
{
    fputc('{', out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s%d", i ? ", " : "", v[i]);
    fputs("}, ", out);
}

static void put_atom(FILE *out, const struct atom *a)
{
    fputs("    {", out);
    put_string(out, a->code);
    put_string(out, a->upper);
    put_string(out, a->name);
    put_string(out, a->property);
    put_string(out, a->definition);
    put_string(out, a->times);
    fprintf(out, "%d, %d, %u, %u, %u, %d, %u, {", a->metric, a->arbitrary, a->special, a->up_n, a->down_n, a->ten,
            a->limb);
    put_numbers(out, a->dim.base, DIMS);
    put_numbers(out, a->dim.kind, KINDS);
    fprintf(out, "%u, {", a->dim.arbitraries);
    for (size_t i = 0; i < a->dim.arbitraries; i++)
        fprintf(out, "{%u, %d}, ", a->dim.arbitrary[i].atom, a->dim.arbitrary[i].exp);
    fputs(a->dim.arbitraries ? "}}},\n" : "{0, 0}}}},\n", out);
}

static void write_table(FILE *out)
{
    fputs("#include \"ucum/unit_int.h\"\n\nstatic const struct atom atoms[] = {\n", out);
    for (size_t i = 0; i < table.atoms; i++)
        put_atom(out, &atoms[i]);
    fputs("};\n\nstatic const struct prefix prefixes[] = {\n", out);
    for (size_t i = 0; i < table.prefixes; i++) {
        fputs("    {", out);
        put_string(out, prefixes[i].code);
        put_string(out, prefixes[i].upper);
        put_string(out, prefixes[i].name);
        fprintf(out, "%d, %lluu},\n", prefixes[i].ten, (unsigned long long)prefixes[i].times);
    }
    fputs("};\n\nstatic const mp_limb_t limbs[] = {", out);
    for (size_t i = 0; i < limb_count; i++)
        fprintf(out, "%s%lluu,", i % 6 ? " " : "\n    ", (unsigned long long)limbs[i]);
    fprintf(out, "\n};\n\nconst struct table ucum_table = {atoms, %zu, prefixes, %zu, limbs};\n", table.atoms,
            table.prefixes);
}

int main(int argc, char **argv)
{
    OWN_ARENA struct arena *a = arena_new(64u << 20);
    struct json j;
    struct json_fault fault;
    arena = a;
    if (!a || argc != 3)
        die("usage: gen_ucum UCUMDEFS.json OUT.c");
    if (json_parse(a, read_file(argv[1]), &j, &fault))
        die("%s:%u:%u: %s", argv[1], fault.line, fault.column, fault.what ? fault.what : "out of memory");
    read_prefixes(&j);
    read_units(&j);
    if (table.atoms < ATOMS_LEAST)
        die("only %zu units: is this the list?", table.atoms);
    for (size_t i = 0; i < table.atoms; i++)
        resolve(i);
    check_magnitudes(&j);
    OWN_FILE FILE *out = fopen(argv[2], "w");
    if (!out)
        die("cannot write %s", argv[2]);
    write_table(out);
    if (fflush(out) || ferror(out))
        die("cannot write %s", argv[2]);
    return 0;
}
