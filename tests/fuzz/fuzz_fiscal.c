/* Whatever bytes are said to be a tax code, a person's names or a place: what is read as a code reads back as itself, in every
 * spelling, fits nobody else than it should, and what is made of names is a code. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "study/birthplace.h"
#include "study/codice_fiscale.h"
#include "study/letters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_code(const struct fiscal *f)
{
    struct fiscal again;
    char text[FISCAL_TEXT];
    assert(fiscal_read(slice_of(f->text), &again, NULL) == FISCAL_OK && again.kind == f->kind);
    assert(!strcmp(again.text, f->text));
    if (f->kind != FISCAL_PERSON)
        return;
    fiscal_variant(f, f->letters, text);
    assert(!strcmp(text, f->text));
    for (unsigned mask = 0; mask < FISCAL_VARIANTS; mask++) {
        fiscal_variant(f, mask, text);
        assert(fiscal_read(slice_of(text), &again, NULL) == FISCAL_OK && again.letters == mask);
        assert(!strcmp(again.base, f->base) && again.day == f->day && again.sex == f->sex);
    }
    int64_t birth = fiscal_birth(f, 20786);
    assert(birth <= 20786 && birth > 20786 - 401 * 366);
    struct fiscal_person p = {.sex = f->sex, .birth = birth, .place = slice_of(f->place)};
    assert(fiscal_misfits(f, &p) == 0);
}

static void check_person(struct slice surname, struct slice name)
{
    struct fiscal f;
    char text[FISCAL_TEXT];
    struct fiscal_person p = {surname, name, 'F', (int64_t)(surname.n * 367), SLICE("H501")};
    enum fiscal_result r = fiscal_make(&p, text);
    assert(r == FISCAL_OK || r == FISCAL_NO_SURNAME || r == FISCAL_NO_NAME || r == FISCAL_NO_BIRTH);
    if (r == FISCAL_OK)
        assert(fiscal_read(slice_of(text), &f, NULL) == FISCAL_OK && fiscal_misfits(&f, &p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice all = {(const char *)data, size}, rest = all;
    struct fiscal f = {.text = "untouched"};
    struct birthplace p[3];
    unsigned at = 99;
    enum fiscal_result r = fiscal_read(all, &f, &at);
    assert(r < FISCAL_NO_SURNAME && at <= FISCAL_CHARS + 1);
    if (r == FISCAL_OK)
        check_code(&f);
    else
        assert(!strcmp(f.text, "untouched"));
    struct slice surname = slice_cut(&rest, '\n');
    check_person(surname, rest);
    size_t n = birthplace_search(surname, BIRTHPLACE_ANY_DAY, p, 3);
    for (size_t i = 0; i < n; i++)
        assert(letters_order(surname, slice_of(p[i].name), true) == 0);
    assert(birthplace_find(surname, p) == 0 || slice_is(surname, p[0].code));
    return 0;
}
