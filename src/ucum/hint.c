#include "ucum/pair_int.h"

#include "base/own.h"

static const struct {
    const char *code, *name, *meant;
} doubts[] = {
#define DOUBT(code, name, meant) {code, name, meant},
#include "ucum/doubts.def"
#undef DOUBT
};

static const struct {
    const char *written, *ucum;
} slips[] = {
#define SLIP(written, ucum) {written, ucum},
#include "ucum/slips.def"
#undef SLIP
};

/* What is no ASCII and has a place in UCUM under another name; in this order, the longest first. */
/* What is no ASCII and has a place in UCUM under another name; the first that fits. */
static const struct {
    const char *utf8, *ucum;
} letters[] = {
    {"\u00B0C", "Cel"},   {"\u00B0F", "[degF]"}, {"\u00B0", "deg"}, {"\u00B5", "u"}, /* micro sign */
    {"\u03BC", "u"},                                                                 /* small mu */
    {"\u00B7", "."},                                                                 /* middle dot */
    {"\u22C5", "."},                                                                 /* dot operator */
    {"\u00B9", "1"},                                                                 /* superscripts */
    {"\u00B2", "2"},      {"\u00B3", "3"},       {"\u2079", "9"},   {"\u207B", "-"}, {"\u2126", "Ohm"}, /* ohm sign */
    {"\u03A9", "Ohm"},    /* capital omega */
    {"\u00D710", "10*"},  /* times ten */
    {"\u2030", "[ppth]"}, /* per mille */
};

enum { FIXES = 6 };

static const struct reading plain = {.table = &ucum_table};

/* Without spaces and letters that UCUM does not have; ^ and * but for those of a power of ten. */
static void in_ascii(struct slice code, struct buf *b)
{
    for (size_t i = 0; i < code.n;) {
        struct slice rest = {code.p + i, code.n - i};
        size_t k = 0;
        while (k < COUNT(letters) && !slice_starts(rest, letters[k].utf8))
            k++;
        bool ten = b->n >= 2 && !memcmp(b->p + b->n - 2, "10", 2) && (b->n == 2 || strchr("./(", b->p[b->n - 3]));
        if (k < COUNT(letters)) {
            buf_str(b, letters[k].ucum);
            i += strlen(letters[k].utf8);
        } else if (slice_starts(rest, "x10") || slice_starts(rest, "X10")) {
            i++;
        } else if (ten && (code.p[i] == 'e' || code.p[i] == 'E')) {
            buf_byte(b, '*');
            i++;
        } else if (code.p[i] == ' ' || (code.p[i] == '^' && !ten)) {
            i++;
        } else {
            buf_byte(b, code.p[i] == '*' && !ten ? '.' : code.p[i]);
            i++;
        }
    }
}

/* The edits from one word to the other, a change of case being half of one: at most `most`, or more than that. */
static unsigned distance(struct slice x, const char *y, unsigned most)
{
    unsigned row[ATOM_TEXT + 1], m = (unsigned)strlen(y);
    if (x.n > ATOM_TEXT || m > ATOM_TEXT || (x.n > m ? x.n - m : m - x.n) * 2 > most)
        return most + 1;
    for (unsigned k = 0; k <= m; k++)
        row[k] = 2 * k;
    for (size_t i = 0; i < x.n; i++) {
        unsigned before = row[0];
        row[0] = 2 * (unsigned)(i + 1);
        for (unsigned k = 0; k < m; k++) {
            char c[2] = {y[k], 0};
            unsigned change = before + (x.p[i] == y[k] ? 0 : slice_is_nocase((struct slice){x.p + i, 1}, c) ? 1 : 2);
            unsigned other = 2 + (row[k] < row[k + 1] ? row[k] : row[k + 1]);
            before = row[k + 1];
            row[k + 1] = change < other ? change : other;
        }
    }
    return row[m];
}

/* The atom most like it, alone or behind a prefix: one edit away, of a word of two letters only in case. NULL: none. */
static const char *nearest(struct arena *a, struct slice part)
{
    const char *found = NULL;
    unsigned best = part.n < 3 ? 2 : part.n < 8 ? 3 : 4;
    for (size_t i = 0; i < ucum_table.atoms; i++) {
        const struct atom *atom = &ucum_table.atom[i];
        unsigned d = distance(part, atom->code, best - 1);
        if (d < best) {
            best = d;
            found = atom->code;
        }
        for (size_t k = 0; atom->metric && k < ucum_table.prefixes; k++) {
            const char *prefix = ucum_table.prefix[k].code;
            size_t n = strlen(prefix);
            if (part.n <= n + 1 || !slice_starts(part, prefix))
                continue;
            d = distance((struct slice){part.p + n, part.n - n}, atom->code, best - 1);
            if (d < best) {
                best = d;
                found = arena_printf(a, "%s%s", prefix, atom->code);
            }
        }
    }
    return found;
}

static bool is_word(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z')))
            return false;
    return s.n > 3;
}

static const char *slip(struct slice written)
{
    for (size_t i = 0; i < COUNT(slips); i++)
        if (slice_is(written, slips[i].written))
            return slips[i].ucum;
    return NULL;
}

/* The code in UCUM's case, when it is written in the other one. */
static const char *other_case(struct arena *a, struct slice code)
{
    struct buf b = buf_in(a, 2048);
    struct reading upper = {.table = &ucum_table, .upper = true, .code = &b};
    struct measure u;
    struct ucum_fault f;
    if (unit_read(&upper, code, &u, &f))
        return NULL;
    buf_byte(&b, 0);
    return buf_failed(&b) || !ucum_valid(slice_of(b.p)) ? NULL : b.p;
}

/* The unknown symbol at `at`, which ends where a unit ends. */
static struct slice symbol_at(struct slice code, size_t at)
{
    size_t end = at;
    while (end < code.n && !strchr("./(){}+-", code.p[end]) && !(code.p[end] >= '0' && code.p[end] <= '9'))
        if (code.p[end++] == '[')
            while (end < code.n && code.p[end - 1] != ']')
                end++;
    return (struct slice){code.p + at, end - at};
}

static const char *splice(struct arena *a, struct slice code, size_t at, size_t n, const char *by)
{
    return arena_printf(a, "%.*s%s%.*s", (int)at, code.p, by, (int)(code.n - at - n), code.p + at + n);
}

/* One fault of the code put right: NULL when nobody knows how. `guess`: by what it looks like, too. */
static const char *mend(struct arena *a, struct slice code, const struct ucum_fault *f, bool guess)
{
    struct slice part = symbol_at(code, f->at < code.n ? f->at : code.n);
    const char *by;
    if (part.n == 0)
        return NULL;
    if (f->at && code.p[f->at - 1] >= '0' && code.p[f->at - 1] <= '9') /* 12h */
        return splice(a, code, f->at, 0, ".");
    /* with its digits (mmH2O), then without */
    size_t whole = part.n;
    while (f->at + whole < code.n && !strchr("./(){}", code.p[f->at + whole]))
        whole++;
    if ((by = slip((struct slice){part.p, whole})))
        return splice(a, code, f->at, whole, by);
    if ((by = slip(part)) || (guess && ((by = other_case(a, part)) || (by = nearest(a, part)))))
        return splice(a, code, f->at, part.n, by);
    return guess && is_word(part) ? splice(a, code, f->at, part.n, arena_printf(a, "{%.*s}", SLICE_FMT(part))) : NULL;
}

/* Fault by fault: the code as soon as it is valid, or n == 0. */
static struct slice mend_all(struct arena *a, struct slice code, bool guess)
{
    static const struct slice none = {NULL, 0};
    struct measure u;
    struct ucum_fault f;
    for (int i = 0; i < FIXES; i++) {
        if (code.n == 0 || code.n > UCUM_LENGTH)
            return none;
        if (!unit_read(&plain, code, &u, &f))
            return code;
        const char *next = mend(a, code, &f, guess);
        if (!next)
            return none;
        code = slice_of(next);
    }
    return none;
}

int ucum_meant(struct arena *a, struct slice code, struct slice *ret)
{
    struct buf b = buf_in(a, 8 * UCUM_LENGTH);
    if (code.n > UCUM_LENGTH || ucum_valid(code))
        return 0;
    in_ascii(code, &b);
    struct slice now = buf_text(&b), found = mend_all(a, now, false);
    if (!found.n)
        found = slice_of(other_case(a, now));
    if (!found.n)
        found = mend_all(a, now, true);
    if (buf_failed(&b) || arena_failed(a))
        return -1;
    if (found.n)
        *ret = found;
    return found.n > 0;
}

/* --- valid, but not what is meant --- */

/* Does the symbol `z` stand at this place of the code, whole? */
static bool stands_at(struct slice code, size_t i, const char *z)
{
    size_t n = strlen(z);
    if (i + n > code.n || memcmp(code.p + i, z, n) || (i && !strchr("./(", code.p[i - 1])))
        return false;
    return i + n == code.n || strchr("./){+-0123456789", code.p[i + n]);
}

/* The code with one symbol instead of another, wherever it stands; n == 0: it does not. */
static struct slice replaced(struct arena *a, struct slice code, const char *symbol, const char *by)
{
    struct buf b = buf_in(a, 8 * UCUM_LENGTH);
    bool any = false;
    for (size_t i = 0; i < code.n;) {
        if (stands_at(code, i, symbol)) {
            buf_str(&b, by);
            i += strlen(symbol);
            any = true;
        } else {
            buf_byte(&b, code.p[i++]);
        }
    }
    return any && !buf_failed(&b) ? buf_text(&b) : (struct slice){NULL, 0};
}

static const char *name_of(struct arena *a, const struct ucum_unit *u)
{
    struct buf b = buf_in(a, 4096);
    ucum_name(u, &b);
    struct slice s = buf_text(&b);
    return arena_printf(a, "%.*s%s", (int)(s.n > 80 ? 80 : s.n), s.p, s.n > 80 ? "..." : "");
}

int ucum_doubt(struct arena *a, const struct ucum_unit *u, struct slice *ret)
{
    for (size_t i = 0; i < COUNT(doubts); i++) {
        struct slice code = replaced(a, u->code, doubts[i].code, doubts[i].meant);
        if (code.n && code.n <= UCUM_LENGTH && ucum_valid(code)) {
            *ret = code;
            return 1;
        }
    }
    return arena_failed(a) ? -1 : 0;
}

static const char *kinds_sentence(const struct ucum_unit *from, const struct ucum_unit *to)
{
    bool grams = from->dim.base[DIM_GRAM] != to->dim.base[DIM_GRAM];
    if (from->dim.kind[KIND_OSM] != to->dim.kind[KIND_OSM])
        return "osmoles and other amounts are no multiples of each other";
    if (grams && (from->dim.kind[KIND_EQ] != to->dim.kind[KIND_EQ]))
        return "a mass becomes equivalents by the molar mass and the charge of what is measured, which are not given";
    if (grams && from->dim.kind[KIND_MOL] != to->dim.kind[KIND_MOL])
        return "a mass becomes an amount by the molar mass of what is measured, which is not given";
    if (from->dim.kind[KIND_EQ] != to->dim.kind[KIND_EQ] && from->dim.kind[KIND_MOL] != to->dim.kind[KIND_MOL])
        return "equivalents become moles by the charge of what is measured, which is not given";
    if (memcmp(from->dim.kind, to->dim.kind, sizeof from->dim.kind))
        return "one is an amount of substance and the other is none";
    if (from->dim.arbitraries || to->dim.arbitraries)
        return "an arbitrary unit is a multiple of no other";
    return "they are not of one dimension";
}

void hint_for_pair(struct arena *a, const struct ucum_unit *from, const struct ucum_unit *to, struct ucum_fault *f)
{
    struct measure other;
    struct ucum_fault ignored;
    for (size_t i = 0; i < COUNT(doubts); i++) {
        struct slice code = replaced(a, from->code, doubts[i].code, doubts[i].meant);
        if (code.n && code.n <= UCUM_LENGTH && !unit_read(&plain, code, &other, &ignored) &&
            dimension_eq(&other.dim, &to->dim, true)) {
            unit_fault(f, 0, "'%s' is %s, which does not become '%s'; '%s' is probably meant",
                       unit_quote(from->code).text, name_of(a, from) ?: "another unit", unit_quote(to->code).text,
                       unit_quote(code).text);
            return;
        }
    }
    unit_fault(f, 0, "'%s' does not become '%s': %s", unit_quote(from->code).text, unit_quote(to->code).text,
               kinds_sentence(from, to));
}
