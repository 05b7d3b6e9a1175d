#include "ucum/pair_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- what units are for --- */

static bool substance(const struct ucum_substance *of, struct ratio *ret_mass, struct ucum_fault *f)
{
    if (of && of->molar_mass.n && !ratio_read(ret_mass, of->molar_mass))
        return unit_fault(f, 0, "'%s' is no molar mass, a decimal number of g/mol above zero",
                          unit_quote(of->molar_mass).text) == 0;
    if (of && of->charge > 99)
        return unit_fault(f, 0, "%u equivalents per mole are more than the 99 that are expected", of->charge) == 0;
    return true;
}

/* from - to */
static struct dimension difference(const struct ucum_unit *from, const struct ucum_unit *to)
{
    struct dimension d = from->dim;
    bool overflow = false;
    dimension_add(&d, &to->dim, -1, &overflow);
    if (overflow)
        d.base[0] = 1; /* in any case not the same */
    return d;
}

static bool differs_by(const struct dimension *d, int gram, int mol, int eq)
{
    struct dimension x = {.base = {[DIM_GRAM] = (int8_t)gram},
                          .kind = {[KIND_MOL] = (int8_t)mol, [KIND_EQ] = (int8_t)eq}};
    return dimension_eq(d, &x, true);
}

/* Whether what is measured makes the two units one, and then what the quotient of their factors is to be multiplied
 * by. */
static bool of_substance(const struct dimension *d, const struct ucum_substance *of, const struct ratio *mass,
                         struct ratio *by)
{
    struct ratio mol, charge;
    if (!of)
        return false;
    big_set(&charge.up, of->charge ? of->charge : 1);
    big_set(&charge.down, 1);
    charge.ten = 0;
    if (!ratio_reduce(&charge))
        return false;
    if (of->charge && differs_by(d, 0, 1, -1))
        return ratio_mul(by, &charge);
    if (of->charge && differs_by(d, 0, -1, 1))
        return ratio_div(by, &charge);
    int i = atom_find(&ucum_table, SLICE("mol"), NULL);
    if (!of->molar_mass.n || i < 0 || !atom_factor(&ucum_table, &ucum_table.atom[i], &mol))
        return false;
    /* g of it are mol times 6.02e23 / mass */
    if (differs_by(d, 1, -1, 0))
        return ratio_mul(by, &mol) && ratio_div(by, mass);
    if (differs_by(d, -1, 1, 0))
        return ratio_div(by, &mol) && ratio_mul(by, mass);
    if (of->charge && differs_by(d, 1, 0, -1))
        return ratio_mul(by, &mol) && ratio_div(by, mass) && ratio_mul(by, &charge);
    if (of->charge && differs_by(d, -1, 0, 1))
        return ratio_div(by, &mol) && ratio_mul(by, mass) && ratio_div(by, &charge);
    return false;
}

static int wrong(struct ucum_fault *f)
{
    return unit_fault(f, 0, "the numbers between these two units are too large to compute with");
}

/* --- making a pair --- */

static const struct special_row *row_of(const struct measure *u)
{
    return u->atom < 0 ? NULL : &special_rows[ucum_table.atom[u->atom].special - 1];
}

/* What one unit of the scale or multiple is in base units, the function aside. */
static bool slope(const struct measure *u, struct ratio *ret)
{
    ratio_copy(ret, &u->factor);
    if (u->atom < 0)
        return true;
    struct ratio reference;
    return atom_factor(&ucum_table, &ucum_table.atom[u->atom], &reference) && ratio_mul(ret, &reference);
}

/* *x + *y, with signs, times powers of ten and over denominators without 2 and 5. */
struct term {
    struct ratio r;
    bool negative, zero;
};

/* p: value * mul + add, over div, times 10^ten */
static bool put_together(struct ucum_pair *p, struct pair_parts *x, const struct ratio *mul, const struct term *add)
{
    struct big rest, g, k;
    big_copy(&x->mul, &mul->up);
    big_copy(&x->div, &mul->down);
    big_set(&x->add, 0);
    p->ten = mul->ten;
    if (add->zero)
        return true;
    /* the least common denominator */
    big_gcd_odd(&mul->down, &add->r.down, &g);
    big_div(&add->r.down, &g, &k, &rest);
    if (!big_mul(&x->mul, &k, &x->mul) || !big_mul(&x->div, &k, &x->div))
        return false;
    big_div(&mul->down, &g, &k, &rest);
    if (!big_mul(&add->r.up, &k, &x->add))
        return false;
    int32_t apart = add->r.ten - mul->ten;
    p->ten = apart < 0 ? add->r.ten : mul->ten;
    p->add_negative = add->negative;
    return apart < 0 ? big_mul_power(&x->mul, 10, (uint32_t)-apart) : big_mul_power(&x->add, 10, (uint32_t)apart);
}

static bool shift_of(const struct special_row *row, struct ratio *ret)
{
    return ratio_read(ret, slice_of(row->by));
}

/* x - y of numbers above zero */
static bool subtract(const struct ratio *x, const struct ratio *y, struct term *ret)
{
    struct big a, b;
    int32_t ten = x->ten < y->ten ? x->ten : y->ten;
    if (!big_mul(&x->up, &y->down, &a) || !big_mul(&y->up, &x->down, &b) ||
        !big_mul_power(&a, 10, (uint32_t)(x->ten - ten)) || !big_mul_power(&b, 10, (uint32_t)(y->ten - ten)) ||
        !big_mul(&x->down, &y->down, &ret->r.down))
        return false;
    int d = big_cmp(&a, &b);
    ret->zero = d == 0;
    ret->negative = d < 0;
    ret->r.ten = ten;
    big_sub(d < 0 ? &b : &a, d < 0 ? &a : &b, &ret->r.up);
    return ret->zero || ratio_reduce(&ret->r);
}

/* Scales that are shifted: (x * a1 + o1) * r1 is (y * a2 + o2) * r2 in base units, so
 * y = x * (a1 r1 / a2 r2) + (o1 r1 - o2 r2) / (a2 r2). */
static bool shifted(struct ucum_pair *p, struct pair_parts *x, const struct measure *from, const struct measure *to,
                    const struct ratio *mul, const struct ratio *slope_to)
{
    const struct measure *unit[2] = {from, to};
    struct ratio offset[2];
    struct term add = {.zero = true};
    bool has[2] = {false, false};
    for (int i = 0; i < 2; i++) {
        const struct special_row *row = row_of(unit[i]);
        struct ratio reference;
        if (!row)
            continue;
        has[i] = true;
        if (!shift_of(row, &offset[i]) || !atom_factor(&ucum_table, &ucum_table.atom[unit[i]->atom], &reference) ||
            !ratio_mul(&offset[i], &reference) || !ratio_div(&offset[i], slope_to))
            return false;
    }
    if (has[0] && has[1]) {
        if (!subtract(&offset[0], &offset[1], &add))
            return false;
    } else if (has[0] || has[1]) {
        add = (struct term){.r = offset[has[0] ? 0 : 1], .negative = !has[0]};
    }
    return put_together(p, x, mul, &add);
}

static long double floating(const struct ratio *x)
{
    char up[BIG_TEXT + 20], down[BIG_TEXT + 1];
    size_t n = big_write(&x->up, up);
    snprintf(up + n, 20, "e%d", x->ten);
    down[big_write(&x->down, down)] = 0;
    return strtold(up, NULL) / strtold(down, NULL);
}

static void side(const struct measure *u, struct near_side *ret)
{
    const struct special_row *row = row_of(u);
    struct ratio reference;
    *ret = (struct near_side){
        .function = row ? row->function : SPECIAL_LINEAR, .scale = floating(&u->factor), .reference = 1};
    if (!row)
        return;
    if (atom_factor(&ucum_table, &ucum_table.atom[u->atom], &reference))
        ret->reference = floating(&reference);
    if (row->function == SPECIAL_POWER)
        ret->log = (strcmp(row->by, "e") ? logl(strtold(row->by, NULL)) : 1) / row->divided;
    if (row->function == SPECIAL_SHIFT)
        ret->shift = strtold(row->by, NULL);
}

static bool linear(const struct special_row *x)
{
    return !x || x->function == SPECIAL_SHIFT;
}

static bool small(const struct big *x)
{
    return x->n <= 1;
}

bool pair_make(struct ucum_pair *p, struct pair_parts *x, const struct measure *from, const struct measure *to,
               const struct ratio *by)
{
    struct ratio mul, slope_to;
    const struct term none = {.zero = true};
    *p = (struct ucum_pair){.exact = true, .parts = x};
    if (!slope(from, &mul) || !slope(to, &slope_to) || !ratio_div(&mul, &slope_to) || !ratio_mul(&mul, by))
        return false;
    if (from->atom == to->atom) { /* the same function, if any, on both sides */
        struct ratio scale = from->factor;
        if (from->atom >= 0 && !ratio_div(&scale, &to->factor))
            return false;
        if (!put_together(p, x, from->atom >= 0 ? &scale : &mul, &none))
            return false;
    } else if (linear(row_of(from)) && linear(row_of(to))) {
        if (!shifted(p, x, from, to, &mul, &slope_to))
            return false;
    } else {
        p->exact = false;
        side(from, &x->from);
        side(to, &x->to);
        x->from.scale *= floating(by);
        return true;
    }
    p->quick = small(&x->mul) && small(&x->add) && small(&x->div);
    p->same = p->ten == 0 && x->add.n == 0 && big_is(&x->mul, 1) && big_is(&x->div, 1);
    if (p->quick) {
        p->parts = NULL;
        p->mul = x->mul.d[0];
        p->add = x->add.n ? x->add.d[0] : 0;
        p->div = x->div.d[0];
    }
    return true;
}

const struct ucum_pair *ucum_pair(struct arena *a, const struct ucum_unit *from, const struct ucum_unit *to,
                                  enum ucum_rule rule, const struct ucum_substance *of, struct ucum_fault *f)
{
    struct dimension d = difference(from, to);
    struct ratio by, mass;
    struct measure u, v;
    struct pair_parts parts, *kept = NULL;
    struct ucum_pair p, *ret;
    ratio_one(&by);
    if (!substance(of, &mass, f))
        return NULL;
    bool special = from->atom >= 0 || to->atom >= 0;
    if (!(!special && of_substance(&d, of, &mass, &by)) && !dimension_eq(&from->dim, &to->dim, rule == UCUM_APART)) {
        hint_for_pair(a, from, to, f);
        return NULL;
    }
    measure_of(from, &u);
    measure_of(to, &v);
    if (!pair_make(&p, &parts, &u, &v, &by)) {
        wrong(f);
        return NULL;
    }
    f->text[0] = 0;
    ret = TAKE_NEW(a, struct ucum_pair);
    if (p.parts && !(kept = TAKE_NEW(a, struct pair_parts)))
        return NULL;
    if (!ret)
        return NULL;
    if (kept)
        *kept = parts;
    *ret = p;
    ret->parts = kept;
    return ret;
}

bool ucum_pair_exact(const struct ucum_pair *p)
{
    return p->exact;
}

bool ucum_pair_same(const struct ucum_pair *p)
{
    return p->same;
}
