/* letters.h -- the letters A to Z of a name as people write it: "Nicolò D'Amico-Müller" is NICOLODAMICOMUELLER.
 *
 * Case and diacritics are folded, whether the text is composed or decomposed (U+0300..U+036F); ligatures become their
 * letters. Spaces, apostrophes, hyphens, dots, commas, slashes and brackets stand between letters and are left out.
 * Everything else (digits, other scripts, signs, broken UTF-8) is left out, too, and marks the name as `strange`:
 * whoever decides by a name asks for that at its end.
 *
 * The umlauts have two spellings. Italy's registers write Ä, Ö and Ü as AE, OE and UE (Ministry of the Interior,
 * circular 1 of 22 January 2008, which the Revenue Agency's circular 34/E of 2011 takes over); people, and older
 * records, also write A, O and U. Nothing here allocates, keeps or logs anything; time is linear in the text. */
#ifndef STUDY_LETTERS_H
#define STUDY_LETTERS_H

#include "base/str.h"

enum letters_umlaut { LETTERS_AE, LETTERS_A };

struct letters {
    struct slice rest;
    enum letters_umlaut umlaut;
    char last, held; /* the letter given last; the second one of a pair */
    bool strange;
};

static inline struct letters letters_of(struct slice name, enum letters_umlaut umlaut)
{
    return (struct letters){.rest = name, .umlaut = umlaut};
}
/* The next letter, 'A' to 'Z'; 0 at the end. */
char letters_next(struct letters *l);
/* Orders names by their letters (LETTERS_A): below, at or above 0. With `beginning`, 0 also when `b` goes on after
 * `a`. */
int letters_order(struct slice a, struct slice b, bool beginning);
/* Takes the next code point off *rest, which is not empty; 0xFFFD for a byte that is no UTF-8. */
uint32_t letters_code_point(struct slice *rest);

#endif
