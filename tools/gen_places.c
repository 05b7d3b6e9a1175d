/* gen_places.c -- reads the published registers of places by Belfiore code and writes the table of src/study.
 *
 *     gen_places CITIES-COUNTRIES.ts OUT.c
 *
 * The source is JSON inside a TypeScript file: lists of places, each list as columns. Codes stand as three digits of
 * base 32 (letter * 1000 + number), days as four (from 1861-01-01), areas as two letters, names with '|' between them.
 * Three things are mended, and a fourth is refused:
 *   names that were encoded as UTF-8 twice ("CittÃ  della Pieve");
 *   those of them that lost their last byte, which had become a space that cannot be broken and was then trimmed
 *   ("ContÃ", "Santa Maria la CaritĂ");
 *   the United Kingdom's code, which ISO 3166 gives as GB;
 *   a name with anything but Latin letters and what stands between them ends the build. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/own.h"
#include "study/birthplace_int.h"
#include "study/letters.h"

enum { ROWS = 20000, LEAST = 10000 };

struct row {
    struct slice name;
    struct place_row r;
};

static struct row rows[ROWS];
static uint16_t by_name[ROWS];
static size_t count;

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void die(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("gen_places: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static struct slice read_json(struct arena *a, const char *path)
{
    OWN_FILE FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END))
        die("cannot read %s", path);
    long n = ftell(f);
    char *text = n > 0 ? arena_take(a, (size_t)n) : NULL;
    rewind(f);
    if (!text || fread(text, 1, (size_t)n, f) != (size_t)n)
        die("cannot read %s", path);
    char *open = memchr(text, '{', (size_t)n), *close = memrchr(text, '}', (size_t)n);
    if (!open || !close || close < open)
        die("%s holds no object", path);
    return (struct slice){open, (size_t)(close - open) + 1};
}

static void add_utf8(struct buf *b, uint32_t c)
{
    if (c < 0x80)
        return buf_byte(b, (char)c);
    if (c < 0x800) {
        buf_byte(b, (char)(0xC0 | c >> 6));
    } else {
        buf_byte(b, (char)(0xE0 | c >> 12));
        buf_byte(b, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    buf_byte(b, (char)(0x80 | (c & 0x3F)));
}

/* The name, once decoded if it was encoded twice. */
static struct slice mend(struct arena *a, struct slice name)
{
    struct buf bytes = buf_in(a, 1024), text = buf_in(a, 1024);
    uint32_t c = 0;
    for (struct slice rest = name; rest.n;) {
        c = letters_code_point(&rest);
        if (c > 0xFF && c != 0x102)
            return name;
        buf_byte(&bytes, c == 0x102 ? (char)0xC3 : (char)c); /* Ă: the byte as another code page shows it */
    }
    if (c == 0xC3 || c == 0x102)
        buf_byte(&bytes, (char)0xA0);
    if (slice_eq(buf_text(&bytes), name) || !utf8_valid(buf_text(&bytes)))
        return name;
    for (struct slice rest = buf_text(&bytes); rest.n;)
        add_utf8(&text, letters_code_point(&rest));
    return buf_text(&text);
}

/* Digit group i of a column, or `absent` when there is no such column. */
static unsigned number(struct slice column, size_t i, size_t digits, unsigned absent)
{
    unsigned v = 0;
    if (!column.p)
        return absent;
    if (column.n < (i + 1) * digits)
        die("a column ends before row %zu", i);
    for (size_t k = 0; k < digits; k++) {
        char c = column.p[i * digits + k];
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0') : c >= 'a' && c <= 'v' ? (unsigned)(c - 'a') + 10 : 32;
        if (d == 32)
            die("'%c' is no digit of base 32", c);
        v = v * 32 + d;
    }
    return v;
}

static void check_name(struct slice name)
{
    struct letters l = letters_of(name, LETTERS_A);
    size_t n = 0;
    while (letters_next(&l))
        n++;
    if (n == 0 || l.strange)
        die("what is '%.*s'?", SLICE_FMT(name));
}

static void read_list(struct arena *a, const struct json *j, uint32_t list)
{
    struct slice code = json_get_text(j, list, "belfioreCode", a), names = json_get_text(j, list, "name", a);
    struct slice from = json_get_text(j, list, "creationDate", a), until = json_get_text(j, list, "expirationDate", a);
    struct slice area = json_get_text(j, list, "provinceOrCountry", a);
    size_t n = code.n / 3;
    if (!n || code.n % 3 || area.n != 2 * n || (from.p && from.n != 4 * n) || (until.p && until.n != 4 * n))
        die("the columns of a list differ in length");
    for (size_t i = 0; i < n; i++) {
        if (count == ROWS || !names.p)
            die("%s", names.p ? "more places than expected" : "fewer names than codes");
        struct row *row = &rows[count++];
        row->name = mend(a, slice_cut(&names, '|'));
        check_name(row->name);
        unsigned c = number(code, i, 3, 0), first = number(from, i, 4, 0), last = number(until, i, 4, PLACE_STILL);
        if (c > 25999 || first >= PLACE_STILL || last > PLACE_STILL)
            die("a code or a day of '%.*s' is out of range", SLICE_FMT(row->name));
        row->r = (struct place_row){.code = (uint16_t)c, .from = (uint16_t)first, .until = (uint16_t)last};
        memcpy(row->r.area, memcmp(area.p + 2 * i, "UK", 2) ? area.p + 2 * i : "GB", 2);
    }
    if (names.p)
        die("more names than codes");
}

static int by_code_order(const void *a, const void *b)
{
    return (int)((const struct row *)a)->r.code - (int)((const struct row *)b)->r.code;
}

static int by_name_order(const void *a, const void *b)
{
    uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
    int d = letters_order(rows[x].name, rows[y].name, false);
    return d ? d : (int)x - (int)y;
}

static void put_name(FILE *out, struct slice name)
{
    fputs("    \"", out);
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < 0x80)
            fputc(name.p[i], out);
        else
            fprintf(out, "\\%03o", (unsigned char)name.p[i]);
    fputs("\\0\"\n", out);
}

static void write_tables(FILE *out)
{
    uint32_t at = 0;
    fputs("#include \"study/birthplace_int.h\"\n\nconst struct place_row place_rows[] = {\n", out);
    for (size_t i = 0; i < count; i++) {
        const struct place_row *r = &rows[i].r;
        fprintf(out, "    {%u, %u, %u, %u, {'%c', '%c'}},\n", at, r->code, r->from, r->until, r->area[0], r->area[1]);
        at += (uint32_t)rows[i].name.n + 1;
    }
    fprintf(out, "};\nconst uint16_t place_count = %zu;\nconst uint16_t place_by_name[] = {", count);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%s%u,", i % 16 ? " " : "\n    ", by_name[i]);
    fputs("\n};\nconst char place_names[] =\n", out);
    for (size_t i = 0; i < count; i++)
        put_name(out, rows[i].name);
    fputs(";\n", out);
}

int main(int argc, char **argv)
{
    OWN_ARENA struct arena *a = arena_new(64u << 20);
    struct json j;
    struct json_fault fault;
    if (!a || argc != 3)
        die("usage: gen_places CITIES-COUNTRIES.ts OUT.c");
    if (json_parse(a, read_json(a, argv[1]), &j, &fault))
        die("%s:%u:%u: %s", argv[1], fault.line, fault.column, fault.what ? fault.what : "out of memory");
    uint32_t lists = json_get_kind(&j, 0, "data", JSON_ARRAY);
    if (lists)
        for (uint32_t l = json_first(&j, lists); l != json_end(&j, lists); l = json_next(&j, l))
            read_list(a, &j, l);
    if (count < LEAST)
        die("only %zu places: is this the register?", count);
    qsort(rows, count, sizeof rows[0], by_code_order);
    for (size_t i = 0; i < count; i++) {
        by_name[i] = (uint16_t)i;
        if (i && rows[i].r.code == rows[i - 1].r.code)
            die("two places have the code of '%.*s'", SLICE_FMT(rows[i].name));
    }
    qsort(by_name, count, sizeof by_name[0], by_name_order);
    OWN_FILE FILE *out = fopen(argv[2], "w");
    if (!out)
        die("cannot write %s", argv[2]);
    write_tables(out);
    if (fflush(out) || ferror(out))
        die("cannot write %s", argv[2]);
    return 0;
}
