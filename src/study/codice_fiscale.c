#include "study/codice_fiscale.h"

#include "base/clock.h"
#include "base/own.h"
#include "study/birthplace.h"
#include "study/letters.h"

/* Where what stands, from 0. 'A' a letter, '9' a digit or a letter in its place, 'M' the month. */
static const char shape[] = "AAAAAA99M99A999";
static const uint8_t digit_at[] = {14, 13, 12, 10, 9, 7, 6}; /* by the bits of `letters` */
static const char months[] = "ABCDEHLMPRST", replacing[] = "LMNPQRSTUV";

const char *fiscal_text(enum fiscal_result r)
{
    static const char *const text[] = {
#define RESULT(name, sentence) sentence,
#include "study/fiscal.def"
#undef RESULT
    };
    return text[r];
}

const char *fiscal_name(enum fiscal_result r)
{
    static const char *const text[] = {
#define RESULT(name, sentence) #name,
#include "study/fiscal.def"
#undef RESULT
    };
    return text[r];
}

const char *fiscal_part_name(enum fiscal_part part)
{
    static const char *const text[] = {
#define PART(name, word, sentence) word,
#include "study/fiscal.def"
#undef PART
    };
    return text[part];
}

const char *fiscal_part_text(enum fiscal_part part)
{
    static const char *const text[] = {
#define PART(name, word, sentence) sentence,
#include "study/fiscal.def"
#undef PART
    };
    return text[part];
}

const char *fiscal_kind_name(enum fiscal_kind k)
{
    static const char *const name[] = {"person", "provisional", "STP", "ENI"};
    return name[k];
}

static bool is_letter(char c)
{
    return c >= 'A' && c <= 'Z';
}
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static bool all_digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_digit(p[i]))
            return false;
    return true;
}

/* --- check characters --- */

char fiscal_check_letter(const char first[FISCAL_CHARS - 1])
{
    static const uint8_t odd[26] = {1,  0,  5, 7, 9, 13, 15, 17, 19, 21, 2,  4,  18,
                                    20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};
    unsigned sum = 0;
    for (size_t i = 0; i < FISCAL_CHARS - 1; i++) {
        char c = first[i];
        if (!is_letter(c) && !is_digit(c))
            return 0;
        unsigned value = (unsigned)(is_digit(c) ? c - '0' : c - 'A'); /* 0 counts as A, 1 as B ... */
        sum += i % 2 ? value : odd[value];                            /* the first place is an odd one */
    }
    return (char)('A' + sum % 26);
}

static bool luhn_holds(const char *digits, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned d = (unsigned)(digits[n - 1 - i] - '0') << (i % 2);
        sum += d > 9 ? d - 9 : d;
    }
    return sum % 10 == 0;
}

/* --- reading --- */

/* Upper case, without spaces. */
static enum fiscal_result compact(struct slice text, char out[FISCAL_TEXT], size_t *n, unsigned *at)
{
    bool too_long = false;
    *n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == ' ')
            continue;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (!is_letter(c) && !is_digit(c)) {
            *at = too_long ? 0 : (unsigned)*n + 1;
            return FISCAL_CHARACTER;
        }
        if (*n == FISCAL_CHARS)
            too_long = true;
        else
            out[(*n)++] = c;
    }
    out[*n] = 0;
    return too_long ? FISCAL_LENGTH : *n ? FISCAL_OK : FISCAL_EMPTY;
}

/* The digit that stands at, or is replaced by, c; -1: none. */
static int digit_of(char c)
{
    const char *at = is_letter(c) ? strchr(replacing, c) : NULL;
    return is_digit(c) ? c - '0' : at ? (int)(at - replacing) : -1;
}

static enum fiscal_result fault_of(char kind, char c)
{
    if (kind == '9')
        return digit_of(c) >= 0 ? FISCAL_OK : c == 'O' || c == 'I' ? FISCAL_OH_FOR_ZERO : FISCAL_DIGIT_WANTED;
    if (!is_letter(c))
        return c == '0' || c == '1' ? FISCAL_ZERO_FOR_OH : FISCAL_LETTER_WANTED;
    return kind == 'M' && !strchr(months, c) ? FISCAL_MONTH : FISCAL_OK;
}

/* Of a year of two digits: 00 is 2000, which had a 29 February; 1900 had none, and fiscal_birth() knows. */
static int days_in(int month, int year)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0);
}

static enum fiscal_result read_person(struct fiscal *f, unsigned *at)
{
    for (unsigned i = 0; i < FISCAL_CHARS; i++) {
        enum fiscal_result r = fault_of(i < FISCAL_CHARS - 1 ? shape[i] : 'A', f->text[i]);
        if (r != FISCAL_OK) {
            *at = i + 1;
            return r;
        }
    }
    if (fiscal_check_letter(f->text) != f->text[FISCAL_CHARS - 1])
        return FISCAL_CHECK_LETTER;
    memcpy(f->base, f->text, FISCAL_TEXT);
    for (unsigned i = 0; i < COUNT(digit_at); i++) {
        char *c = &f->base[digit_at[i]];
        f->letters |= (uint8_t)(is_letter(*c) << i);
        *c = (char)('0' + digit_of(*c));
    }
    f->base[FISCAL_CHARS - 1] = fiscal_check_letter(f->base);
    int day = (f->base[9] - '0') * 10 + f->base[10] - '0';
    f->year = (uint8_t)((f->base[6] - '0') * 10 + f->base[7] - '0');
    f->month = (uint8_t)(strchr(months, f->base[8]) - months + 1);
    f->sex = day > 40 ? 'F' : 'M';
    f->day = (uint8_t)(day > 40 ? day - 40 : day);
    memcpy(f->place, f->base + 11, 4);
    return f->day >= 1 && f->day <= days_in(f->month, f->year) ? FISCAL_OK : FISCAL_DATE;
}

static enum fiscal_result read_provisional(const struct fiscal *f)
{
    if (!all_digits(f->text, 11))
        return FISCAL_LENGTH;
    if (!luhn_holds(f->text, 11))
        return FISCAL_CHECK_DIGIT;
    return strspn(f->text, "0") >= 7 ? FISCAL_NO_NUMBER : FISCAL_OK;
}

/* STP or ENI, and digits behind it, where a person has the letters of the name. */
static enum fiscal_result read_foreigner(const struct fiscal *f, unsigned *at)
{
    for (unsigned i = 3; i < FISCAL_CHARS; i++)
        if (!is_digit(f->text[i])) {
            *at = i + 1;
            return f->text[i] == 'O' || f->text[i] == 'I' ? FISCAL_OH_FOR_ZERO : FISCAL_DIGIT_WANTED;
        }
    return FISCAL_OK;
}

static enum fiscal_result read_kind(struct fiscal *f, size_t n, unsigned *at)
{
    if (n == 11) {
        f->kind = FISCAL_PROVISIONAL;
        return read_provisional(f);
    }
    if (n != FISCAL_CHARS)
        return FISCAL_LENGTH;
    bool stp = memcmp(f->text, "STP", 3) == 0, eni = memcmp(f->text, "ENI", 3) == 0;
    if ((stp || eni) && is_digit(f->text[3])) {
        f->kind = stp ? FISCAL_STP : FISCAL_ENI;
        return read_foreigner(f, at);
    }
    return read_person(f, at);
}

enum fiscal_result fiscal_read(struct slice text, struct fiscal *ret, unsigned *at)
{
    struct fiscal f = {.kind = FISCAL_PERSON};
    unsigned where = 0;
    size_t n;
    enum fiscal_result r = compact(text, f.text, &n, &where);
    if (r == FISCAL_OK)
        r = read_kind(&f, n, &where);
    if (at)
        *at = where;
    if (r == FISCAL_OK)
        *ret = f;
    return r;
}

/* --- what it says --- */

int64_t fiscal_birth(const struct fiscal *f, int64_t today)
{
    int year, month, day;
    if (f->kind != FISCAL_PERSON)
        return FISCAL_NO_DAY;
    clock_civil(today, &year, &month, &day);
    for (int y = year - year % 100 + f->year;; y -= 100) {
        int64_t birth = clock_days(y, f->month, f->day);
        clock_civil(birth, &year, &month, &day); /* 29 February 1900 comes back as 1 March */
        if (birth <= today && day == f->day)
            return birth;
    }
}

enum fiscal_result fiscal_place(const struct fiscal *f, int64_t birth)
{
    struct birthplace p;
    if (f->kind != FISCAL_PERSON)
        return FISCAL_OK;
    if (!birthplace_find(slice_of(f->place), &p))
        return FISCAL_PLACE_UNKNOWN;
    return birthplace_was(&p, birth) ? FISCAL_OK : FISCAL_PLACE_NOT_THEN;
}

void fiscal_variant(const struct fiscal *f, unsigned letters, char ret[FISCAL_TEXT])
{
    memcpy(ret, f->base, FISCAL_TEXT);
    for (unsigned i = 0; i < COUNT(digit_at); i++)
        if (letters >> i & 1)
            ret[digit_at[i]] = replacing[ret[digit_at[i]] - '0'];
    ret[FISCAL_CHARS - 1] = fiscal_check_letter(ret);
}

/* --- making --- */

/* The letters of a name that are (not) vowels, into out; how many there are in all. */
static size_t pick(struct slice name, enum letters_umlaut umlaut, bool vowels, char *out, size_t most, bool *strange)
{
    struct letters l = letters_of(name, umlaut);
    size_t n = 0;
    for (char c; (c = letters_next(&l));) {
        if ((strchr("AEIOU", c) != NULL) != vowels)
            continue;
        if (n < most)
            out[n] = c;
        n++;
    }
    *strange |= l.strange;
    return n;
}

/* The three letters of a surname or a given name; false when it is no name in Latin letters. */
static bool triplet(struct slice name, enum letters_umlaut umlaut, bool given, char out[3])
{
    char consonant[4], vowel[3];
    bool strange = false;
    size_t c = pick(name, umlaut, false, consonant, 4, &strange), v = pick(name, umlaut, true, vowel, 3, &strange);
    if (strange || c + v == 0)
        return false;
    if (given && c >= 4) {
        consonant[1] = consonant[2];
        consonant[2] = consonant[3];
    }
    for (size_t i = 0; i < 3; i++)
        out[i] = i < c ? consonant[i] : i - c < v ? vowel[i - c] : 'X';
    return true;
}

static bool is_place(struct slice s)
{
    return s.n == 4 && is_letter(s.p[0]) && all_digits(s.p + 1, 3);
}

/* YYMDD; the day without the 40. */
static void date_text(int64_t birth, char out[5])
{
    int year, month, day;
    clock_civil(birth, &year, &month, &day);
    out[0] = (char)('0' + year / 10 % 10);
    out[1] = (char)('0' + year % 10);
    out[2] = months[month - 1];
    out[3] = (char)('0' + day / 10);
    out[4] = (char)('0' + day % 10);
}

/* The years in which somebody with a tax code can have been born, and more: outside, the text above is no date. */
static bool is_day(int64_t day)
{
    return day >= clock_days(1800, 1, 1) && day < clock_days(2200, 1, 1);
}

enum fiscal_result fiscal_make(const struct fiscal_person *p, char ret[FISCAL_TEXT])
{
    char out[FISCAL_TEXT];
    if (!triplet(p->surname, LETTERS_AE, false, out))
        return FISCAL_NO_SURNAME;
    if (!triplet(p->name, LETTERS_AE, true, out + 3))
        return FISCAL_NO_NAME;
    if (p->sex != 'M' && p->sex != 'F')
        return FISCAL_NO_SEX;
    if (!is_day(p->birth))
        return FISCAL_NO_BIRTH;
    if (!is_place(p->place))
        return FISCAL_NO_PLACE;
    date_text(p->birth, out + 6);
    if (p->sex == 'F')
        out[9] = (char)(out[9] + 4);
    memcpy(out + 11, p->place.p, 4);
    out[15] = fiscal_check_letter(out);
    out[16] = 0;
    memcpy(ret, out, FISCAL_TEXT);
    return FISCAL_OK;
}

/* --- comparing --- */

static bool name_fits(struct slice name, bool given, const char *letters)
{
    char three[3];
    for (int umlaut = LETTERS_AE; umlaut <= LETTERS_A; umlaut++)
        if (triplet(name, (enum letters_umlaut)umlaut, given, three) && !memcmp(three, letters, 3))
            return true;
    return false;
}

static bool date_fits(const struct fiscal *f, int64_t birth)
{
    int year, month, day;
    if (!is_day(birth))
        return false;
    clock_civil(birth, &year, &month, &day);
    return year % 100 == f->year && month == f->month && day == f->day;
}

unsigned fiscal_misfits(const struct fiscal *f, const struct fiscal_person *p)
{
    if (f->kind != FISCAL_PERSON)
        return 0;
    bool surname = !p->surname.n || name_fits(p->surname, false, f->base);
    bool name = !p->name.n || name_fits(p->name, true, f->base + 3);
    bool date = p->birth == FISCAL_NO_DAY || date_fits(f, p->birth);
    bool sex = !p->sex || p->sex == f->sex, place = !p->place.n || slice_is(p->place, f->place);
    return (unsigned)!surname << FISCAL_BIT_SURNAME | (unsigned)!name << FISCAL_BIT_NAME |
           (unsigned)!date << FISCAL_BIT_DATE | (unsigned)!sex << FISCAL_BIT_SEX | (unsigned)!place << FISCAL_BIT_PLACE;
}
