/* Tax codes for tests/scenario/fiscal.mjs, which holds them against programs of others. A line in, a line out, of
 * fields with tabs between them: make SURNAME NAME SEX YYYY-MM-DD PLACE MASK   ->  RESULT CODE VARIANT MISFITS read
 * CODE                                     ->  RESULT KIND SEX YEAR MONTH DAY PLACE LETTERS BASE letters TEXT ->
 * LETTERS, with a '!' when the text is strange places                                        ->  every place, in the
 * order of its name: CODE AREA FROM UNTIL NAME */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/own.h"
#include "study/birthplace.h"
#include "study/codice_fiscale.h"
#include "study/letters.h"

enum { FIELDS = 8, PLACES = 20000 };

static const char *day_text(int64_t day, char out[CLOCK_TEXT])
{
    clock_text(day * 86400 * 1000000, out);
    out[10] = 0;
    return out;
}

static void make(const struct slice *f)
{
    int64_t us = 0, mask = 0;
    char code[FISCAL_TEXT] = "", variant[FISCAL_TEXT] = "";
    struct fiscal read;
    clock_parse(f[4], &us, NULL);
    slice_int(f[6], 0, FISCAL_VARIANTS - 1, &mask);
    struct fiscal_person p = {f[1], f[2], f[3].n ? *f[3].p : 0, us / 86400 / 1000000, f[5]};
    enum fiscal_result r = fiscal_make(&p, code);
    unsigned misfits = 0;
    if (r == FISCAL_OK && (r = fiscal_read(slice_of(code), &read, NULL)) == FISCAL_OK) {
        fiscal_variant(&read, (unsigned)mask, variant);
        if ((r = fiscal_read(slice_of(variant), &read, NULL)) == FISCAL_OK)
            misfits = fiscal_misfits(&read, &p);
    }
    printf("%s\t%s\t%s\t%u\n", fiscal_name(r), code, variant, misfits);
}

static void read_code(struct slice code)
{
    struct fiscal f = {.sex = ' '};
    enum fiscal_result r = fiscal_read(code, &f, NULL);
    printf("%s\t%s\t%c\t%u\t%u\t%u\t%s\t%u\t%s\n", fiscal_name(r), fiscal_kind_name(f.kind), f.sex ? f.sex : ' ',
           f.year, f.month, f.day, f.place, f.letters, f.base);
}

static void fold(struct slice text)
{
    struct letters l = letters_of(text, LETTERS_A);
    for (char c; (c = letters_next(&l));)
        putchar(c);
    puts(l.strange ? "!" : "");
}

static void places(void)
{
    static struct birthplace all[PLACES];
    for (char c = 'A'; c <= 'Z'; c++) {
        size_t n = birthplace_search((struct slice){&c, 1}, BIRTHPLACE_ANY_DAY, all, PLACES);
        for (size_t i = 0; i < n; i++) {
            char from[CLOCK_TEXT] = "", until[CLOCK_TEXT] = "";
            if (all[i].from != BIRTHPLACE_ALWAYS)
                day_text(all[i].from, from);
            if (all[i].until != BIRTHPLACE_STILL)
                day_text(all[i].until, until);
            printf("%s\t%s\t%s\t%s\t%s\n", all[i].code, all[i].area, from, until, all[i].name);
        }
    }
}

int main(void)
{
    OWN_MEM char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        struct slice rest = {line, (size_t)n - (line[n - 1] == '\n')}, field[FIELDS] = {{NULL, 0}};
        for (int i = 0; i < FIELDS && rest.p; i++)
            field[i] = slice_cut(&rest, '\t');
        if (slice_is(field[0], "make"))
            make(field);
        else if (slice_is(field[0], "read"))
            read_code(field[1]);
        else if (slice_is(field[0], "letters"))
            fold(field[1]);
        else if (slice_is(field[0], "places"))
            places();
        else
            return 2;
    }
    return fflush(stdout) != 0;
}
