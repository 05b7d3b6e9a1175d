/* fiscal.c -- lazaret study fiscal-code: what a tax code says, and what is wrong with it, without network or data
 * folder. A command line can be read by everybody on the machine, so codes are better written to stdin. */
#include "cmd/cmd.h"

#include <stdio.h>

#include "base/clock.h"
#include "study/birthplace.h"
#include "study/codice_fiscale.h"

enum { INPUT_MAX = 16 << 20 };

/* One code, judged. */
struct judged {
    enum fiscal_result result, place;
    unsigned at;
    struct fiscal code;
    char birth[CLOCK_TEXT]; /* "1980-01-01"; "" when the code tells none */
    struct birthplace where;
    bool known; /* `where` is filled in */
};

static void judge(struct slice text, struct judged *j)
{
    *j = (struct judged){.place = FISCAL_OK};
    j->result = fiscal_read(text, &j->code, &j->at);
    if (j->result != FISCAL_OK || j->code.kind != FISCAL_PERSON)
        return;
    int64_t day_us = (int64_t)86400 * 1000000, birth = fiscal_birth(&j->code, clock_now_us() / day_us);
    clock_text(birth * day_us, j->birth);
    j->birth[10] = 0;
    j->known = birthplace_find(slice_of(j->code.place), &j->where);
    j->place = fiscal_place(&j->code, birth);
}

static void say_person(const struct judged *j, struct buf *b)
{
    unsigned letters = (unsigned)__builtin_popcount(j->code.letters);
    buf_printf(b, "It is the tax code of a person, and well formed.\n");
    buf_printf(b, "Sex: %s.\n", j->code.sex == 'F' ? "female" : "male");
    buf_printf(b, "Born on %s, if less than a hundred years ago: the code tells two digits of the year.\n", j->birth);
    if (j->known)
        buf_printf(b, "Born in %s%s%s%s.\n", j->where.name, *j->where.area ? " (" : "", j->where.area,
                   *j->where.area ? ")" : "");
    if (letters)
        buf_printf(b, "%u of its digits %s written as %s (omocodia): with digits it would be somebody else's.\n",
                   letters, letters == 1 ? "is" : "are", letters == 1 ? "a letter" : "letters");
    if (j->place != FISCAL_OK)
        buf_printf(b, "But %s.\n", fiscal_text(j->place));
}

static void say(const struct judged *j, struct buf *b)
{
    static const char *const form = "Only its form can be checked, and that is right.";
    if (j->result != FISCAL_OK) {
        buf_printf(b, "It is no tax code: %s.\n", fiscal_text(j->result));
        if (j->at)
            buf_printf(b, "Look at character %u, spaces not counted.\n", j->at);
        return;
    }
    switch (j->code.kind) {
    case FISCAL_PERSON: say_person(j, b); return;
    case FISCAL_PROVISIONAL: buf_printf(b, "It is a provisional tax code of 11 digits. %s\n", form); return;
    case FISCAL_STP: buf_printf(b, "It is the code of a foreigner present for a time (STP). %s\n", form); return;
    case FISCAL_ENI: buf_printf(b, "It is the code of a European not enrolled (ENI). %s\n", form); return;
    }
}

static void write_place(const struct judged *j, struct json_out *o)
{
    json_key(o, "place");
    json_open(o, '{');
    json_pair_str(o, "code", j->code.place);
    json_pair_str(o, "name", j->known ? j->where.name : NULL);
    json_pair_str(o, j->code.place[0] == 'Z' ? "country" : "province", j->known ? j->where.area : NULL);
    json_close(o, '}');
}

static void write_json(const struct judged *j, struct buf *b)
{
    struct json_out o = json_out(b);
    json_open(&o, '{');
    json_pair_bool(&o, "valid", j->result == FISCAL_OK);
    json_pair_str(&o, "result", fiscal_name(j->result));
    json_pair_str(&o, "text", fiscal_text(j->result));
    if (j->at)
        json_pair_int(&o, "character", j->at);
    if (j->result == FISCAL_OK)
        json_pair_str(&o, "kind", fiscal_kind_name(j->code.kind));
    if (j->result == FISCAL_OK && j->code.kind == FISCAL_PERSON) {
        json_pair_str(&o, "sex", j->code.sex == 'F' ? "F" : "M");
        json_pair_str(&o, "birth_date", j->birth);
        json_pair_str(&o, "century", "assumed: the latest that is not in the future");
        write_place(j, &o);
        json_pair_int(&o, "letters_for_digits", __builtin_popcount(j->code.letters));
        json_pair_str(&o, "warning", j->place == FISCAL_OK ? NULL : fiscal_name(j->place));
        json_pair_str(&o, "warning_text", j->place == FISCAL_OK ? NULL : fiscal_text(j->place));
    }
    json_close(&o, '}');
    buf_byte(b, '\n');
}

static bool is_blank(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr(" \t\r\n", s.p[i]))
            return false;
    return true;
}

static int print(struct judged *j, bool json, unsigned line, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(1 << 16);
    struct buf b = buf_in(a, 1 << 14);
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "the answer");
    if (line && !json)
        buf_printf(&b, "Line %u. ", line);
    if (json)
        write_json(j, &b);
    else
        say(j, &b);
    if (buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "the answer");
    fwrite(b.p, 1, b.n, stdout);
    return 0;
}

/* Exit 0: every code is well formed; 1: one is not. Blank lines are passed over, unless there is nothing else. */
int cmd_fiscal_code(struct call *c, struct err *e)
{
    struct slice all = slice_of(c->operand[0]);
    int status = 0;
    if (slice_is(all, "-") && call_read(c, "-", INPUT_MAX, &all, e))
        return -1;
    struct slice behind = all;
    slice_cut(&behind, '\n');
    bool several = !is_blank(behind);
    for (unsigned line = 1; line == 1 || all.n; line++) {
        struct slice one = slice_cut(&all, '\n');
        struct judged j;
        if (is_blank(one) && (several || line > 1))
            continue;
        one.n -= one.n && one.p[one.n - 1] == '\r';
        judge(one, &j);
        if (print(&j, c->json, several ? line : 0, e))
            return -1;
        status |= j.result != FISCAL_OK;
    }
    return fflush(stdout) || ferror(stdout) ? 2 : status;
}
