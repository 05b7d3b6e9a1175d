/* codice_fiscale.h -- Italy's tax code, which is how a patient is known to every hospital there: reading and checking
 * one, making one, and holding one against a person.
 *
 * Pure functions: nothing is stored, logged or allocated, nothing blocks. No sentence here repeats a code or a name.
 * What they fill in is a patient's: it belongs into an arena, or is wiped by who holds it.
 *
 * The rule is the decree of the Minister of Finance of 23 December 1976 (DM 23-12-1976). Sixteen characters:
 *
 *     SSSNNNYYMDDPPPPX   surname, name, year, month, day (for women + 40), Belfiore code of the place, check letter
 *
 * Surname: its consonants in order, then its vowels, then X; the first three. Name: the same, but of four or more
 * consonants the first, third and fourth. Months are A B C D E H L M P R S T. The check letter is a sum over the
 * others, with one table for the odd places and one for the even ones.
 *
 * Omocodia: people whose codes would be equal are told apart by letters (LMNPQRSTUV for 0..9) in place of some of the
 * seven digits, from the right on. All 128 spellings are codes, *of different persons*: two codes are one person's only
 * when they are equal as they stand, and `base` is for reading, never for finding somebody.
 *
 * A code does not tell the century; fiscal_birth() guesses. Somebody's stated date of birth is the truth, and so is the
 * code the state gave them: one that was made here may be somebody else's. That the Revenue Agency has issued a code
 * only the agency knows.
 *
 * Who has none (yet) has one of these, of which only the form can be checked: a provisional code of 11 digits, the last
 * by Luhn; STP (foreigners present for a time) and ENI (Europeans not enrolled), three letters and 13 digits.
 *
 * Dates are days since 1970-01-01, as clock_days() counts. Names fold as letters.h says. */
#ifndef STUDY_CODICE_FISCALE_H
#define STUDY_CODICE_FISCALE_H

#include "base/str.h"

#define FISCAL_SYSTEM "http://hl7.it/sid/codiceFiscale" /* of a FHIR Identifier */
#define FISCAL_NO_DAY INT64_MIN

enum { FISCAL_CHARS = 16, FISCAL_TEXT = FISCAL_CHARS + 1, FISCAL_VARIANTS = 128 };

enum fiscal_kind { FISCAL_PERSON, FISCAL_PROVISIONAL, FISCAL_STP, FISCAL_ENI };

enum fiscal_result {
#define RESULT(name, sentence) FISCAL_##name,
#include "study/fiscal.def"
#undef RESULT
    FISCAL_RESULTS
};

struct fiscal {
    char text[FISCAL_TEXT]; /* as it stands: upper case, without spaces */
    enum fiscal_kind kind;
    /* Of FISCAL_PERSON alone: */
    char base[FISCAL_TEXT];   /* with every digit a digit, and the check letter for that */
    char sex;                 /* 'M' or 'F' */
    uint8_t year, month, day; /* 0..99, 1..12, 1..31 */
    uint8_t letters;          /* which digits are letters: bit 0 the rightmost, bit 6 the first of the year */
    char place[5];            /* Belfiore code */
};

/* FISCAL_OK, or what is wrong, with *ret untouched and *at (may be NULL) the character at fault, from 1 and without
 * spaces, or 0 when it is no single one. Lower case and spaces are fine. A date that does not exist is refused. */
enum fiscal_result fiscal_read(struct slice text, struct fiscal *ret, unsigned *at);
/* The sentence of a result; its name, "CHECK_LETTER". */
const char *fiscal_text(enum fiscal_result r);
const char *fiscal_name(enum fiscal_result r);
const char *fiscal_kind_name(enum fiscal_kind k); /* "STP" */

/* The latest day the code's date can mean that is not after `today`; FISCAL_NO_DAY when the code tells none. */
int64_t fiscal_birth(const struct fiscal *f, int64_t today);
/* FISCAL_OK, _PLACE_UNKNOWN or _PLACE_NOT_THEN: is the place known, and was it on the day of birth? */
enum fiscal_result fiscal_place(const struct fiscal *f, int64_t birth);
/* The code with exactly those of its digits as letters that `letters` names (0..127). Of FISCAL_PERSON only. */
void fiscal_variant(const struct fiscal *f, unsigned letters, char ret[FISCAL_TEXT]);
/* The letter that belongs behind 15 characters; 0 when one of them is neither 'A'..'Z' nor a digit. */
char fiscal_check_letter(const char first[FISCAL_CHARS - 1]);

struct fiscal_person {
    struct slice surname, name; /* as people write them; women: the surname they were born with */
    char sex;                   /* 'M' or 'F' */
    int64_t birth;
    struct slice place; /* Belfiore code, upper case */
};

/* The code the rule gives this person, before omocodia. FISCAL_OK, or what is missing, with ret untouched. The place
 * need not be known here. */
enum fiscal_result fiscal_make(const struct fiscal_person *p, char ret[FISCAL_TEXT]);

enum fiscal_part {
#define PART(name, word, sentence) FISCAL_BIT_##name,
#include "study/fiscal.def"
#undef PART
    FISCAL_PARTS
};

/* Which parts of the code do not fit the person, as bits 1 << FISCAL_BIT_...; what the person's data leave out (empty
 * slices, sex 0, FISCAL_NO_DAY) is not compared, and a code that tells nothing fits everybody. Names fit in either
 * spelling of umlauts. */
unsigned fiscal_misfits(const struct fiscal *f, const struct fiscal_person *p);
const char *fiscal_part_name(enum fiscal_part part); /* "surname" */
const char *fiscal_part_text(enum fiscal_part part); /* the sentence */

#endif
