#include "ucum/pair_int.h"

static const struct reading plain = {.table = &ucum_table};

const struct ucum_unit *ucum_parse(struct arena *a, struct slice code, struct ucum_fault *f)
{
    struct measure m;
    if (unit_read(&plain, code, &m, f))
        return NULL;
    size_t up = m.factor.up.n, down = m.factor.down.n;
    struct ucum_unit *u = arena_take(a, sizeof *u + (up + down) * sizeof u->limb[0]);
    f->text[0] = 0;
    if (!u)
        return NULL;
    u->dim = m.dim;
    u->atom = m.atom;
    u->ten = m.factor.ten;
    u->up_n = (uint8_t)up;
    u->down_n = (uint8_t)down;
    memcpy(u->limb, m.factor.up.d, up * sizeof u->limb[0]);
    memcpy(u->limb + up, m.factor.down.d, down * sizeof u->limb[0]);
    u->code = arena_copy(a, code);
    return u->code.p ? u : NULL;
}

void measure_of(const struct ucum_unit *u, struct measure *ret)
{
    (void)big_load(&ret->factor.up, u->limb, u->up_n);
    (void)big_load(&ret->factor.down, u->limb + u->up_n, u->down_n);
    ret->factor.ten = u->ten;
    ret->dim = u->dim;
    ret->atom = u->atom;
}

bool ucum_valid(struct slice code)
{
    struct measure m;
    struct ucum_fault f;
    return !unit_read(&plain, code, &m, &f);
}

struct slice ucum_code(const struct ucum_unit *u)
{
    return u->code;
}

bool ucum_commensurable(const struct ucum_unit *x, const struct ucum_unit *y)
{
    return dimension_eq(&x->dim, &y->dim, false);
}

int ucum_codes_commensurable(struct slice x, struct slice y)
{
    static const struct reading quick = {.table = &ucum_table, .no_factor = true};
    struct measure u, v;
    struct ucum_fault f;
    if (unit_read(&quick, x, &u, &f) || unit_read(&quick, y, &v, &f))
        return -1;
    return dimension_eq(&u.dim, &v.dim, false);
}

int ucum_codes_compare(const struct ucum_number *value, struct slice unit, const struct ucum_number *other,
                       struct slice other_unit, int *ret)
{
    struct measure u, v;
    struct ucum_pair p;
    struct pair_parts parts;
    struct ucum_fault f;
    struct ratio one;
    ratio_one(&one);
    return !unit_read(&plain, unit, &u, &f) && !unit_read(&plain, other_unit, &v, &f) &&
           dimension_eq(&u.dim, &v.dim, false) && pair_make(&p, &parts, &u, &v, &one) &&
           ucum_compare(&p, value, other, ret);
}
