/* ucum.c -- lazaret ucum: what a unit of UCUM is, and what a value of it is in another one, exactly. No network, no
 * data folder. */
#include "ucum/ucum.h"

#include <stdio.h>

#include "cmd/cmd.h"

enum { DIGITS = 17, ANSWER_MAX = 1 << 16 };

const struct option ucum_options[] = {
    {"molar-mass", "G/MOL", "what is measured weighs so many grams a mole: mg/dL becomes mmol/L"},
    {"charge", "N", "what is measured has so many equivalents a mole: mmol/L becomes meq/L"},
    {"digits", "N", "of a decimal that does not end, N significant digits instead of the fraction"},
    {0}};

/* "... 'mm[Hg]' is probably meant" */
static int wrong_unit(struct call *c, struct slice code, const struct ucum_fault *f, struct err *e)
{
    struct slice meant;
    if (!f->text[0])
        return err_set(e, ERR_NO_MEMORY, "read the unit");
    if (ucum_meant(c->arena, code, &meant) == 1)
        return err_set(e, ERR_USAGE, "%s (byte %zu of the unit); '%.*s' is probably meant", f->text, f->at + 1,
                       SLICE_FMT(meant));
    return err_set(e, ERR_USAGE, "%s (byte %zu of the unit)", f->text, f->at + 1);
}

static const struct ucum_unit *unit_of(struct call *c, const char *code, struct err *e)
{
    struct ucum_fault f;
    const struct ucum_unit *u = ucum_parse(c->arena, slice_of(code), &f);
    if (!u)
        wrong_unit(c, slice_of(code), &f, e);
    return u;
}

static int print(struct buf *b, struct err *e)
{
    if (buf_failed(b))
        return err_set(e, ERR_NO_MEMORY, "print the answer");
    fwrite(b->p, 1, b->n, stdout);
    return fflush(stdout) || ferror(stdout) ? err_sys(e, ERR_INTERNAL, "write to standard output") : 0;
}

/* --- a conversion --- */

struct answer {
    struct slice value;   /* the decimal, or the fraction where it does not end */
    struct slice decimal; /* when value is no exact decimal: rounded */
    enum ucum_end end;
};

static int substance_of(struct call *c, struct ucum_substance *ret, struct err *e)
{
    const char *mass = call_option(c, "molar-mass"), *charge = call_option(c, "charge");
    int64_t n = 0;
    if (charge && !slice_int(slice_of(charge), 1, 99, &n))
        return err_set(e, ERR_USAGE, "--charge: found '%.20s', expected a whole number of 1 to 99", charge);
    *ret = (struct ucum_substance){mass ? slice_of(mass) : (struct slice){NULL, 0}, (unsigned)n};
    return 0;
}

static int answer_of(struct call *c, const struct ucum_pair *p, const struct ucum_number *v, struct answer *ret,
                     struct err *e)
{
    const char *text = call_option(c, "digits");
    int64_t digits = DIGITS;
    if (text && !slice_int(slice_of(text), 1, UCUM_DIGITS, &digits))
        return err_set(e, ERR_USAGE, "--digits: found '%.20s', expected a whole number of 1 to %d", text, UCUM_DIGITS);
    int done = ucum_convert(p, v, (unsigned)digits, c->arena, &ret->decimal, &ret->end);
    ret->value = ret->decimal;
    if (done == 1 && ret->end == UCUM_ROUNDED && !text)
        done = ucum_convert_whole(p, v, c->arena, &ret->value);
    if (done < 0)
        return err_set(e, ERR_NO_MEMORY, "convert");
    return done ? 0 : err_set(e, ERR_USAGE, "the value has no finite counterpart there, or one past all limits");
}

static void write_json(const char *const *operand, const struct answer *x, struct buf *b)
{
    struct json_out o = json_out(b);
    json_open(&o, '{');
    json_pair_str(&o, "value", operand[0]);
    json_pair_str(&o, "from", operand[1]);
    json_pair(&o, "result", x->value);
    json_pair_str(&o, "to", operand[2]);
    json_pair_bool(&o, "exact", x->end == UCUM_EXACT || !slice_eq(x->value, x->decimal));
    json_pair(&o, "decimal", x->decimal);
    json_close(&o, '}');
    buf_byte(b, '\n');
}

/* The number first, then its unit, then what is to be said of it. */
static void write_line(const char *to, const struct answer *x, struct buf *b)
{
    buf_printf(b, "%.*s %s", SLICE_FMT(x->value), to);
    if (x->end == UCUM_NEAR)
        buf_str(b, " (about: computed in floating point, by a function that has no exact value)");
    else if (!slice_eq(x->value, x->decimal))
        buf_printf(b, " (about %.*s)", SLICE_FMT(x->decimal));
    else if (x->end == UCUM_ROUNDED)
        buf_str(b, " (rounded)");
    buf_byte(b, '\n');
}

static int convert(struct call *c, struct err *e)
{
    const struct ucum_unit *from, *to;
    struct ucum_substance of;
    struct ucum_number value;
    struct ucum_fault f;
    struct answer x;
    struct buf b = buf_in(c->arena, ANSWER_MAX);
    if (!ucum_number(slice_of(c->operand[0]), &value))
        return err_set(e, ERR_USAGE, "found '%.40s', expected a decimal number of at most %d digits", c->operand[0],
                       UCUM_DIGITS);
    if (!(from = unit_of(c, c->operand[1], e)) || !(to = unit_of(c, c->operand[2], e)) || substance_of(c, &of, e))
        return -1;
    const struct ucum_pair *p = ucum_pair(c->arena, from, to, UCUM_BY_DEFINITION, &of, &f);
    if (!p)
        return f.text[0] ? err_set(e, ERR_USAGE, "%s", f.text) : err_set(e, ERR_NO_MEMORY, "convert");
    if (answer_of(c, p, &value, &x, e))
        return -1;
    if (c->json)
        write_json(c->operand, &x, &b);
    else
        write_line(c->operand[2], &x, &b);
    if (!c->json && !ucum_pair(c->arena, from, to, UCUM_APART, &of, &f) && f.text[0])
        buf_str(&b, "By UCUM's definition, where mol, eq and osm are numbers alike; see --molar-mass and --charge.\n");
    return print(&b, e);
}

/* --- what a unit is --- */

static struct slice built(struct call *c, const struct ucum_unit *u,
                          void (*write)(const struct ucum_unit *, struct buf *))
{
    struct buf b = buf_in(c->arena, 4096);
    write(u, &b);
    return buf_failed(&b) ? (struct slice){NULL, 0} : buf_text(&b);
}

struct described {
    struct slice name, dimension, base;
    struct answer zero, one; /* of it, in base units */
    struct slice doubt;      /* what is often meant; n == 0: nothing else */
};

static int describe(struct call *c, const struct ucum_unit *u, struct described *d, struct err *e)
{
    static const struct ucum_number zero = {.n = 0}, one = {.limb = {1}, .n = 1};
    struct ucum_fault f;
    d->name = built(c, u, ucum_name);
    d->dimension = built(c, u, ucum_dimension);
    d->base = built(c, u, ucum_base);
    if (!d->name.p || !d->dimension.p || !d->base.p || ucum_doubt(c->arena, u, &d->doubt) < 0)
        return err_set(e, ERR_NO_MEMORY, "describe the unit");
    const struct ucum_unit *base = ucum_parse(c->arena, d->base, &f);
    const struct ucum_pair *p = base ? ucum_pair(c->arena, u, base, UCUM_BY_DEFINITION, NULL, &f) : NULL;
    if (!p)
        return f.text[0] ? err_set(e, ERR_USAGE, "%s", f.text) : err_set(e, ERR_NO_MEMORY, "describe the unit");
    return answer_of(c, p, &zero, &d->zero, e) || answer_of(c, p, &one, &d->one, e) ? -1 : 0;
}

static void describe_json(const struct ucum_unit *u, const struct described *d, struct buf *b)
{
    struct json_out o = json_out(b);
    json_open(&o, '{');
    json_pair(&o, "code", ucum_code(u));
    json_pair(&o, "name", d->name);
    json_pair(&o, "dimension", d->dimension);
    json_pair(&o, "base", d->base);
    json_pair_bool(&o, "special", ucum_special(u));
    json_pair_bool(&o, "arbitrary", ucum_arbitrary(u));
    json_pair_bool(&o, "exact", d->one.end != UCUM_NEAR);
    if (ucum_special(u))
        json_pair(&o, "zero", d->zero.value);
    json_pair(&o, "one", d->one.value);
    if (d->doubt.n)
        json_pair(&o, "often_meant", d->doubt);
    json_close(&o, '}');
    buf_byte(b, '\n');
}

static void equation(const char *n, struct slice code, const struct answer *x, struct slice base, struct buf *b)
{
    buf_printf(b, "%s %.*s %s ", n, SLICE_FMT(code), x->end == UCUM_NEAR ? "is about" : "=");
    write_line(arena_str(b->arena, base),
               &(struct answer){x->value, x->end == UCUM_NEAR ? x->value : x->decimal, UCUM_EXACT}, b);
}

static void describe_text(const struct ucum_unit *u, const struct described *d, struct buf *b)
{
    buf_printf(b, "%.*s: %.*s\n", SLICE_FMT(ucum_code(u)), SLICE_FMT(d->name));
    if (ucum_special(u))
        equation("0", ucum_code(u), &d->zero, d->base, b);
    equation("1", ucum_code(u), &d->one, d->base, b);
    buf_printf(b, "dimension: %.*s\n", SLICE_FMT(d->dimension));
    if (ucum_special(u))
        buf_str(b, "A scale with a function of its own, so it stands alone: no products, no powers.\n");
    if (ucum_arbitrary(u))
        buf_str(b, "Arbitrary: defined by a procedure, a multiple of no other unit.\n");
    if (d->doubt.n)
        buf_printf(b, "Often written where %.*s is meant.\n", SLICE_FMT(d->doubt));
}

static int explain(struct call *c, struct err *e)
{
    const struct ucum_unit *u = unit_of(c, c->operand[0], e);
    struct buf b = buf_in(c->arena, ANSWER_MAX);
    struct described d = {.doubt = {NULL, 0}};
    if (!u || describe(c, u, &d, e))
        return -1;
    if (c->json)
        describe_json(u, &d, &b);
    else
        describe_text(u, &d, &b);
    return print(&b, e);
}

int cmd_ucum(struct call *c, struct err *e)
{
    if (c->operands == 2)
        return err_set(e, ERR_USAGE,
                       "found two words, expected a unit, or a value and two units: lazaret ucum 100.4 '[degF]' Cel");
    return c->operands == 1 ? explain(c, e) : convert(c, e);
}
