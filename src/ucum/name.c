#include "ucum/unit_int.h"

#include "base/own.h"

static const struct {
    const char *code, *name;
} names[] = {
#define NAME(code, name) {code, name},
#include "ucum/names.def"
#undef NAME
};

const char *atom_name(const struct atom *a)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (!strcmp(names[i].code, a->code))
            return names[i].name;
    return a->name;
}

struct naming {
    struct buf *b;
    bool below; /* which half is being written */
    bool any, parts;
};

/* "square centimeter", "milligram", "10^3", "{cells}" */
static void put_part(struct buf *b, const struct part *p, int exp)
{
    const char *power = exp == 2 ? "square " : exp == 3 ? "cubic " : "";
    bool number =
        p->atom && (p->atom->code[0] == '1' || p->atom->code[0] == '[') && !strncmp(atom_name(p->atom), "10", 2);
    if (!p->atom) {
        buf_slice(b, p->text);
        return;
    }
    if (!number)
        buf_str(b, power);
    buf_printf(b, "%s%s", p->prefix ? p->prefix->name : "", atom_name(p->atom));
    if (exp != 1 && (number || !*power))
        buf_printf(b, "^%d", exp);
}

/* A power of ten stays above: 10^-3 is no "per". */
static void add_part(void *arg, const struct part *p)
{
    struct naming *n = arg;
    int exp = p->below ? -p->exp : p->exp;
    bool ten = p->atom && !strncmp(p->atom->code, "10", 2), below = exp < 0 && !ten;
    if (exp == 0 || below != n->below)
        return;
    buf_str(n->b, below ? (n->any ? " per " : "per ") : n->any ? " " : "");
    put_part(n->b, p, ten ? exp : exp < 0 ? -exp : exp);
    n->any = true;
}

void ucum_name(const struct ucum_unit *u, struct buf *b)
{
    struct naming n = {.b = b};
    struct reading r = {.table = &ucum_table, .part = add_part, .arg = &n};
    struct measure again;
    struct ucum_fault f;
    if (unit_read(&r, u->code, &again, &f))
        return; /* it was read before */
    n.below = true;
    unit_read(&r, u->code, &again, &f);
}

/* Above the line those with positive exponents, then the others, each behind a slash: "g/m3", "/min". */
void ucum_base(const struct ucum_unit *u, struct buf *b)
{
    static const int order[DIMS] = {DIM_GRAM, DIM_METER, DIM_SECOND, DIM_KELVIN, DIM_COULOMB, DIM_CANDELA, DIM_RADIAN};
    static const char *const code[DIMS] = {"m", "s", "g", "rad", "K", "C", "cd"}, *const kind[KINDS] = {"mol", "eq",
                                                                                                        "osm"};
    size_t before = b->n;
    for (int below = 0; below < 2; below++)
        for (int i = 0; i < KINDS + ARBITRARY_MOST + DIMS; i++) {
            int k = i - KINDS, d = k - ARBITRARY_MOST;
            bool arbitrary = k >= 0 && k < u->dim.arbitraries;
            int exp = i < KINDS   ? u->dim.kind[i]
                      : d >= 0    ? u->dim.base[order[d]]
                      : arbitrary ? u->dim.arbitrary[k].exp
                                  : 0;
            exp = below ? -exp : exp;
            if (exp <= 0)
                continue;
            if (below || b->n > before)
                buf_byte(b, below ? '/' : '.');
            buf_str(b, i < KINDS ? kind[i] : d >= 0 ? code[order[d]] : ucum_table.atom[u->dim.arbitrary[k].atom].code);
            if (exp != 1)
                buf_printf(b, "%d", exp);
        }
    if (b->n == before)
        buf_byte(b, '1');
}

/* Names of dimensions with their powers, those above first. */
void ucum_dimension(const struct ucum_unit *u, struct buf *b)
{
    static const int order[DIMS] = {DIM_GRAM, DIM_METER, DIM_SECOND, DIM_KELVIN, DIM_COULOMB, DIM_CANDELA, DIM_RADIAN};
    static const char *const dimension[DIMS] = {
        "length", "time", "mass", "plane angle", "temperature", "electric charge", "luminous intensity"};
    static const char *const kind[KINDS] = {"amount of substance", "equivalents", "osmoles"};
    bool any = false;
    for (int below = 0; below < 2; below++)
        for (int i = 0; i < KINDS + ARBITRARY_MOST + DIMS; i++) {
            int k = i - KINDS, d = k - ARBITRARY_MOST;
            int exp = i < KINDS ? u->dim.kind[i] : d >= 0 ? u->dim.base[order[d]] : 0;
            if (k >= 0 && k < u->dim.arbitraries)
                exp = u->dim.arbitrary[k].exp;
            exp = below ? -exp : exp;
            if (exp <= 0)
                continue;
            const char *name = i < KINDS ? kind[i]
                               : d >= 0  ? dimension[order[d]]
                                         : ucum_table.atom[u->dim.arbitrary[k].atom].code;
            buf_printf(b, "%s%s", below ? any ? " / " : "1 / " : any ? " . " : "", name);
            if (exp != 1)
                buf_printf(b, "^%d", exp);
            any = true;
        }
    if (!any)
        buf_str(b, "none: a number");
}

bool ucum_special(const struct ucum_unit *u)
{
    return u->atom >= 0;
}

bool ucum_arbitrary(const struct ucum_unit *u)
{
    return u->dim.arbitraries > 0;
}
