/* Tax codes and places, by rows from the published rules; agreement with programs of others is tests/scenario/fiscal.mjs. */
#include "test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "study/birthplace.h"
#include "study/codice_fiscale.h"
#include "study/letters.h"

/* A fixed sequence: the same persons in every run. */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static const char *letters(struct arena *a, const char *name, enum letters_umlaut umlaut, bool *ret_strange)
{
    struct letters l = letters_of(slice_of(name), umlaut);
    struct buf b = buf_in(a, 1000);
    for (char c; (c = letters_next(&l));)
        buf_byte(&b, c);
    buf_byte(&b, 0);
    *ret_strange = l.strange;
    return b.p;
}

TEST(names_are_folded_to_letters)
{
    static const struct {
        const char *name, *ae, *a;
        bool strange;
    } row[] = {
        {"Rossi", "ROSSI", "ROSSI"},
        {"de' Liguori-D\xE2\x80\x99""Amico", "DELIGUORIDAMICO", "DELIGUORIDAMICO"},
        {"Nicol\xC3\xB2", "NICOLO", "NICOLO"},
        {"Nicolo\xCC\x80", "NICOLO", "NICOLO"},                       /* decomposed */
        {"M\xC3\xBCller", "MUELLER", "MULLER"},
        {"Mu\xCC\x88ller", "MUELLER", "MULLER"},                      /* decomposed */
        {"I\xCC\x88", "I", "I"},                                      /* only three vowels have the spelling with E */
        {"\xC3\x96zdemir", "OEZDEMIR", "OZDEMIR"},
        {"Wei\xC3\x9F \xC3\x86ther \xC5\x92uvre", "WEISSAETHEROEUVRE", "WEISSAETHEROEUVRE"},
        {"\xC5\x81ukasz \xC4\x90okovi\xC4\x87 \xC5\x9Etefan", "LUKASZDOKOVICSTEFAN", "LUKASZDOKOVICSTEFAN"},
        {"Nguy\xE1\xBB\x85n", "NGUYEN", "NGUYEN"},
        {"", "", ""},
        {"' -.", "", ""},
        {"Rossi2", "ROSSI", "ROSSI", true},
        {"R\xD0\xBEssi", "RSSI", "RSSI", true},                       /* a Cyrillic o */
        {"\xEF\xBC\xB2ossi", "OSSI", "OSSI", true},                   /* a wide R */
        {"Ros\x01si", "ROSSI", "ROSSI", true},
        {"Ros\tsi", "ROSSI", "ROSSI", true},
        {"Ross\xC3", "ROSS", "ROSS", true},                           /* cut UTF-8 */
        {"R\xC3ossi", "ROSSI", "ROSSI", true},                         /* the byte is broken, not what follows it */
        {"\xC1\x92ossi", "OSSI", "OSSI", true},                        /* an R of two bytes */
        {"Ross\xED\xA0\x80i", "ROSSI", "ROSSI", true},                /* a surrogate */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(4096);
        bool strange;
        CHECK_STR(letters(a, row[i].name, LETTERS_AE, &strange), row[i].ae);
        CHECK_INT(strange, row[i].strange);
        CHECK_STR(letters(a, row[i].name, LETTERS_A, &strange), row[i].a);
    }
}

static int64_t day_of(const char *text)
{
    int64_t us;
    CHECK(clock_parse(slice_of(text), &us, NULL));
    return us / 86400 / 1000000 - (us < 0 && us % 86400000000 != 0);
}

static struct fiscal_person person(const char *surname, const char *name, char sex, const char *birth, const char *place)
{
    return (struct fiscal_person){slice_of(surname), slice_of(name), sex, day_of(birth), slice_of(place)};
}

/* By the decree: what each name becomes, with a date and a place that are always the same. */
TEST(three_letters_come_of_each_name)
{
    static const struct {
        const char *surname, *name, *six;
    } row[] = {
        {"Rossi", "Mario", "RSSMRA"},         /* of a name with three consonants or fewer, as of a surname */
        {"Bianchi", "Roberto", "BNCRRT"},     /* R B R T: the first, third and fourth */
        {"Fo", "Dario", "FOXDRA"},            /* two letters and an X */
        {"Re", "Ugo", "REXGUO"},              /* vowels behind consonants */
        {"Aiello", "Ada", "LLADAA"},
        {"Iai", "Io", "IAIIOX"},              /* no consonant at all */
        {"O", "Li", "OXXLIX"},
        {"De Luca", "Anna Maria", "DLCNMR"},  /* names of several words are one: N N M R */
        {"D'Angelo", "Gianfranco", "DNGGFR"}, /* G N F R N C */
        {"Y\xC3\xA8", "Wu", "YEXWUX"},        /* Y and W are consonants */
        {"\xC3\x96z", "\xC3\x9Cl", "ZOELUE"}, /* registered as OEZ and UEL */
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct fiscal_person p = person(row[i].surname, row[i].name, 'M', "1980-01-01", "H501");
        char code[FISCAL_TEXT];
        CHECK_INT(fiscal_make(&p, code), FISCAL_OK);
        code[6] = 0;
        CHECK_STR(code, row[i].six);
    }
}

TEST(a_code_is_made_and_says_what_it_was_made_of)
{
    static const struct {
        const char *surname, *name, *birth, *place, *code;
        char sex;
    } row[] = {
        {"Rossi", "Mario", "1980-01-01", "H501", "RSSMRA80A01H501U", 'M'},
        {"Moretti", "Matteo", "1991-04-08", "F205", "MRTMTT91D08F205J", 'M'},   /* two examples in many textbooks */
        {"Miller", "Samantha", "1982-09-25", "Z404", "MLLSNT82P65Z404U", 'F'},
        {"Rossi", "Maria", "2000-02-29", "Z404", "RSSMRA00B69Z404Z", 'F'},
        {"Rossi", "Mario", "1899-12-31", "L219", "RSSMRA99T31L219N", 'M'},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct fiscal_person p = person(row[i].surname, row[i].name, row[i].sex, row[i].birth, row[i].place);
        char code[FISCAL_TEXT];
        struct fiscal f;
        unsigned at = 99;
        int year, month, day;
        CHECK_INT(fiscal_make(&p, code), FISCAL_OK);
        CHECK_STR(code, row[i].code);
        CHECK_INT(fiscal_read(slice_of(code), &f, &at), FISCAL_OK);
        clock_civil(p.birth, &year, &month, &day);
        CHECK_INT(at, 0);
        CHECK_INT(f.kind, FISCAL_PERSON);
        CHECK_INT(f.sex, row[i].sex);
        CHECK_INT(f.year, year % 100);
        CHECK_INT(f.month, month);
        CHECK_INT(f.day, day);
        CHECK_INT(f.letters, 0);
        CHECK_STR(f.place, row[i].place);
        CHECK_STR(f.base, code);
        CHECK_INT(fiscal_misfits(&f, &p), 0);
    }
}

TEST(what_a_person_lacks_is_said_and_nothing_is_written)
{
    struct fiscal_person p = person("Rossi", "Mario", 'M', "1980-01-01", "H501"), q;
    char code[FISCAL_TEXT] = "untouched";
#define LACKS(change, result)                                                                                          \
    do {                                                                                                               \
        q = p;                                                                                                         \
        change;                                                                                                        \
        CHECK_INT(fiscal_make(&q, code), result);                                                                      \
    } while (0)
    LACKS(q.surname = SLICE(""), FISCAL_NO_SURNAME);
    LACKS(q.surname = SLICE("- '"), FISCAL_NO_SURNAME);
    LACKS(q.surname = SLICE("R\xD0\xBEssi"), FISCAL_NO_SURNAME);
    LACKS(q.name = SLICE("Mario 2"), FISCAL_NO_NAME);
    LACKS(q.name = SLICE(""), FISCAL_NO_NAME);
    LACKS(q.sex = 'm', FISCAL_NO_SEX);
    LACKS(q.sex = 0, FISCAL_NO_SEX);
    LACKS(q.birth = FISCAL_NO_DAY, FISCAL_NO_BIRTH);
    LACKS(q.birth = INT64_MAX, FISCAL_NO_BIRTH);
    LACKS(q.place = SLICE("h501"), FISCAL_NO_PLACE);
    LACKS(q.place = SLICE("H50"), FISCAL_NO_PLACE);
    LACKS(q.place = SLICE("H5O1"), FISCAL_NO_PLACE);
    LACKS(q.place = SLICE(""), FISCAL_NO_PLACE);
#undef LACKS
    CHECK_STR(code, "untouched");
}

TEST(what_is_no_code_is_told_by_its_first_fault)
{
    static const struct {
        const char *text;
        enum fiscal_result result;
        unsigned at;
    } row[] = {
        {"RSSMRA80A01H501U", FISCAL_OK, 0},
        {" rss mra 80a01 h501u ", FISCAL_OK, 0},
        {"", FISCAL_EMPTY, 0},
        {"   ", FISCAL_EMPTY, 0},
        {"RSSMRA80A01H501", FISCAL_LENGTH, 0},
        {"RSSMRA80A01H501UU", FISCAL_LENGTH, 0},
        {"RSSMRA80A01", FISCAL_LENGTH, 0}, /* eleven, but no digits */
        {"1234567890", FISCAL_LENGTH, 0},
        {"123456789012", FISCAL_LENGTH, 0},
        {"RSSMRA8OA01H501U", FISCAL_OH_FOR_ZERO, 8},
        {"RSSMRA80AO1H501U", FISCAL_OH_FOR_ZERO, 10},
        {"RSSMRA80A0IH501U", FISCAL_OH_FOR_ZERO, 11},
        {"R0SMRA80A01H501U", FISCAL_ZERO_FOR_OH, 2},
        {"RSSMRA80A01H5011", FISCAL_ZERO_FOR_OH, 16},
        {"RS5MRA80A01H501U", FISCAL_LETTER_WANTED, 3},
        {"RSSMRA80A018501U", FISCAL_LETTER_WANTED, 12},
        {"RSSMRA8AA01H501U", FISCAL_DIGIT_WANTED, 8},
        {"RSSMRA80A01H5W1U", FISCAL_DIGIT_WANTED, 14},
        {"RSSMRA80F01H501U", FISCAL_MONTH, 9},
        {"RSSMRA80401H501U", FISCAL_LETTER_WANTED, 9},
        {"RSSMRA80A01H501V", FISCAL_CHECK_LETTER, 0},
        {"RSSMRA80A10H501U", FISCAL_CHECK_LETTER, 0},
        {"SRSMRA80A01H501U", FISCAL_CHECK_LETTER, 0},
        {"RSSMRA80A01H501\xC3\x9A", FISCAL_CHARACTER, 16},
        {"\xD0\x90SSMRA80A01H501U", FISCAL_CHARACTER, 1},  /* Cyrillic */
        {"RSSMRA\xEF\xBC\x98""0A01H501U", FISCAL_CHARACTER, 7}, /* a wide 8 */
        {"RSSMRA80A01H\xD9\xA5""01U", FISCAL_CHARACTER, 13},    /* an Arabic 5 */
        {"RSSMRA80A01H501U\n", FISCAL_CHARACTER, 17},
        {"RSS\tMRA80A01H501U", FISCAL_CHARACTER, 4},
        {"RSSMRA80A01H501U\x7F", FISCAL_CHARACTER, 17},
        {"RSS-MRA-80A01-H501U", FISCAL_CHARACTER, 4},
        {"RSSMRA80A01H501UUUUUUUUUUUUUUUUUUUUUUUUUUUUU!", FISCAL_CHARACTER, 0},
        {"[SSMRA80A01H501U", FISCAL_CHARACTER, 1}, /* the neighbours of letters and digits */
        {"@SSMRA80A01H501U", FISCAL_CHARACTER, 1},
        {"{SSMRA80A01H501U", FISCAL_CHARACTER, 1},
        {"`SSMRA80A01H501U", FISCAL_CHARACTER, 1},
        {"RSSMRA8/A01H501U", FISCAL_CHARACTER, 8},
        {"RSSMRA8:A01H501U", FISCAL_CHARACTER, 8},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct fiscal f = {.text = "untouched"};
        unsigned at = 99;
        CHECK_STR(fiscal_name(fiscal_read(slice_of(row[i].text), &f, &at)), fiscal_name(row[i].result));
        CHECK_INT(at, row[i].at);
        CHECK_STR(f.text, row[i].result == FISCAL_OK ? "RSSMRA80A01H501U" : "untouched");
    }
    struct fiscal f;
    CHECK_INT(fiscal_read((struct slice){"RSSMRA80\0A01H501U", 17}, &f, NULL), FISCAL_CHARACTER);
    CHECK_INT(fiscal_read((struct slice){NULL, 0}, &f, NULL), FISCAL_EMPTY);
}

/* Every byte at every place: only letters and digits, in their places, ever make a code. */
TEST(no_other_byte_passes_anywhere)
{
    for (unsigned i = 0; i < FISCAL_CHARS; i++)
        for (int byte = 0; byte < 256; byte++) {
            char text[] = "RSSMRA80A01H501U";
            struct fiscal f;
            text[i] = (char)byte;
            bool plain = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
            enum fiscal_result r = fiscal_read((struct slice){text, FISCAL_CHARS}, &f, NULL);
            CHECK_INT(r == FISCAL_CHARACTER, !plain && byte != ' ');
            if ((byte | 0x20) != ("RSSMRA80A01H501U"[i] | 0x20))
                CHECK(r != FISCAL_OK);
        }
}

/* All days that two digits can write, in all years of a century, for both sexes. */
TEST(a_date_that_does_not_exist_is_refused)
{
    int good = 0;
    for (int year = 0; year < 100; year++)
        for (int month = 1; month <= 12; month++)
            for (int day = 0; day < 100; day++) {
                char text[FISCAL_TEXT] = "RSSMRA80A01H501";
                struct fiscal f;
                int born = day > 40 ? day - 40 : day, y, m, d;
                text[6] = (char)('0' + year / 10), text[7] = (char)('0' + year % 10);
                text[8] = "ABCDEHLMPRST"[month - 1];
                text[9] = (char)('0' + day / 10), text[10] = (char)('0' + day % 10);
                text[15] = fiscal_check_letter(text);
                clock_civil(clock_days(2000 + year, month, born), &y, &m, &d);
                bool exists = born >= 1 && m == month && d == born;
                CHECK_INT(fiscal_read(slice_of(text), &f, NULL), exists ? FISCAL_OK : FISCAL_DATE);
                good += exists;
                if (exists)
                    CHECK(f.day == born && f.month == month && f.year == year && f.sex == (day > 40 ? 'F' : 'M'));
            }
    CHECK_INT(good, 2 * 36525);
}

TEST(the_century_is_the_latest_that_is_not_in_the_future)
{
    static const struct {
        const char *yymdd, *today, *birth;
    } row[] = {
        {"80A01", "2026-11-29", "1980-01-01"}, {"26S29", "2026-11-29", "2026-11-29"}, {"26S30", "2026-11-29", "1926-11-30"},
        {"00B29", "2026-11-29", "2000-02-29"}, {"00B29", "2000-02-28", "1600-02-29"}, {"00B29", "2126-01-01", "2000-02-29"},
        {"96B69", "2096-02-28", "1996-02-29"}, {"04B29", "2003-12-31", "1904-02-29"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        char text[FISCAL_TEXT] = "RSSMRA80A01H501";
        struct fiscal f;
        memcpy(text + 6, row[i].yymdd, 5);
        text[15] = fiscal_check_letter(text);
        CHECK_INT(fiscal_read(slice_of(text), &f, NULL), FISCAL_OK);
        CHECK_INT(fiscal_birth(&f, day_of(row[i].today)), day_of(row[i].birth));
    }
}

static struct fiscal_person somebody(uint32_t *seed, char name[2][10])
{
    static const char place[5][5] = {"H501", "F205", "Z404", "A001", "M999"};
    for (int k = 0; k < 2; k++) {
        size_t n = 1 + next(seed) % 9;
        for (size_t i = 0; i < n; i++)
            name[k][i] = (char)('A' + next(seed) % 26);
        name[k][n] = 0;
    }
    return (struct fiscal_person){slice_of(name[0]), slice_of(name[1]), next(seed) % 2 ? 'F' : 'M',
                                  clock_days(1900, 1, 1) + next(seed) % 45000, slice_of(place[next(seed) % 5])};
}

static int by_text(const void *a, const void *b)
{
    return memcmp(a, b, FISCAL_TEXT);
}

TEST(a_thousand_codes_have_128_spellings_each_that_read_back)
{
    uint32_t seed = 20261129;
    for (int i = 0; i < 1000; i++) {
        static char variant[FISCAL_VARIANTS][FISCAL_TEXT];
        char name[2][10], code[FISCAL_TEXT], again[FISCAL_TEXT];
        struct fiscal_person p = somebody(&seed, name);
        struct fiscal f, g;
        CHECK_INT(fiscal_make(&p, code), FISCAL_OK);
        CHECK_INT(fiscal_read(slice_of(code), &f, NULL), FISCAL_OK);
        for (unsigned mask = 0; mask < FISCAL_VARIANTS; mask++) {
            fiscal_variant(&f, mask, variant[mask]);
            CHECK_INT(fiscal_read(slice_of(variant[mask]), &g, NULL), FISCAL_OK);
            CHECK_INT(g.letters, mask);
            CHECK_STR(g.text, variant[mask]);
            CHECK_STR(g.base, code);
            CHECK(g.sex == f.sex && g.year == f.year && g.month == f.month && g.day == f.day && !strcmp(g.place, f.place));
            CHECK_INT(fiscal_misfits(&g, &p), 0);
            fiscal_variant(&g, mask ^ 127, again);
            CHECK(memcmp(again, variant[mask], FISCAL_CHARS - 1) != 0);
        }
        CHECK_STR(variant[0], code);
        qsort(variant, FISCAL_VARIANTS, FISCAL_TEXT, by_text);
        for (int k = 1; k < FISCAL_VARIANTS; k++)
            CHECK(strcmp(variant[k - 1], variant[k]) != 0);
    }
}

/* By hand, from the decree's table of letters: RSSMRA80A01H501U, its digits replaced from the right on. */
TEST(the_first_digit_to_become_a_letter_is_the_last)
{
    struct fiscal f;
    char text[FISCAL_TEXT];
    CHECK_INT(fiscal_read(SLICE("RSSMRA80A01H501U"), &f, NULL), FISCAL_OK);
    fiscal_variant(&f, 1, text);
    CHECK_STR(text, "RSSMRA80A01H50MM");
    fiscal_variant(&f, 127, text);
    CHECK_STR(text, "RSSMRAULALMHRLMD");
}

TEST(one_wrong_letter_or_digit_never_passes)
{
    uint32_t seed = 7;
    for (int i = 0; i < 200; i++) {
        char name[2][10], code[FISCAL_TEXT];
        struct fiscal_person p = somebody(&seed, name);
        CHECK_INT(fiscal_make(&p, code), FISCAL_OK);
        for (int at = 0; at < FISCAL_CHARS; at++) {
            bool digit = code[at] <= '9';
            for (char c = digit ? '0' : 'A'; c <= (digit ? '9' : 'Z'); c++) {
                char other[FISCAL_TEXT];
                struct fiscal f;
                memcpy(other, code, sizeof other);
                other[at] = c;
                CHECK_INT(fiscal_read(slice_of(other), &f, NULL) == FISCAL_OK, c == code[at]);
            }
        }
    }
}

TEST(what_does_not_fit_a_person_is_told_part_by_part)
{
    struct fiscal f;
    struct fiscal_person p = person("Rossi", "Mario", 'M', "1980-01-01", "H501"), q;
    CHECK_INT(fiscal_read(SLICE("RSSMRA80A01H501U"), &f, NULL), FISCAL_OK);
#define MISFITS(change, bits)                                                                                          \
    do {                                                                                                               \
        q = p;                                                                                                         \
        change;                                                                                                        \
        CHECK_INT(fiscal_misfits(&f, &q), bits);                                                                       \
    } while (0)
    MISFITS((void)0, 0);
    MISFITS(q.surname = SLICE("R\xC3\xB2ssi"), 0);
    MISFITS(q.surname = SLICE("Russo"), 0); /* other people have the same letters: a code proves no name */
    MISFITS(q.surname = SLICE("Bianchi"), 1u << FISCAL_BIT_SURNAME);
    MISFITS(q.surname = SLICE("2"), 1u << FISCAL_BIT_SURNAME);
    MISFITS(q.name = SLICE("Mario Carlo"), 1u << FISCAL_BIT_NAME);
    MISFITS(q.birth = day_of("1980-01-02"), 1u << FISCAL_BIT_DATE);
    MISFITS(q.birth = day_of("1880-01-01"), 0); /* the code does not tell */
    MISFITS(q.birth = INT64_MAX, 1u << FISCAL_BIT_DATE);
    MISFITS(q.sex = 'F', 1u << FISCAL_BIT_SEX);
    MISFITS(q.place = SLICE("F205"), 1u << FISCAL_BIT_PLACE);
    MISFITS((q = person("Verdi", "Anna", 'F', "1981-02-03", "Z404")), (1u << FISCAL_PARTS) - 1);
    MISFITS((q = (struct fiscal_person){.birth = FISCAL_NO_DAY}), 0);
#undef MISFITS
    /* "Öz" is ZOE in the registry, ZOX where nobody cared. */
    q = (struct fiscal_person){.surname = SLICE("\xC3\x96z"), .birth = FISCAL_NO_DAY};
    memcpy(f.base, "ZOE", 3);
    CHECK_INT(fiscal_misfits(&f, &q), 0);
    memcpy(f.base, "ZOX", 3);
    CHECK_INT(fiscal_misfits(&f, &q), 0);
    memcpy(f.base, "ZXX", 3);
    CHECK_INT(fiscal_misfits(&f, &q), 1u << FISCAL_BIT_SURNAME);
}

TEST(provisional_and_foreigners_codes_are_known_by_their_form)
{
    static const struct {
        const char *text;
        enum fiscal_result result;
        enum fiscal_kind kind;
    } row[] = {
        {"12345678903", FISCAL_OK, FISCAL_PROVISIONAL}, /* 1+4+3+8+5+3+7+7+9+0 = 47, so 3 */
        {"123 4567 8903", FISCAL_OK, FISCAL_PROVISIONAL},
        {"12345678904", FISCAL_CHECK_DIGIT, 0},
        {"12345678930", FISCAL_CHECK_DIGIT, 0},
        {"00000000000", FISCAL_NO_NUMBER, 0},
        {"00000000018", FISCAL_NO_NUMBER, 0},
        {"00000010017", FISCAL_OK, FISCAL_PROVISIONAL},
        {"1234567890X", FISCAL_LENGTH, 0},
        {"STP1234567890123", FISCAL_OK, FISCAL_STP},
        {"eni1234567890123", FISCAL_OK, FISCAL_ENI},
        {"STP123456789012", FISCAL_LENGTH, 0},
        {"STP12345678901234", FISCAL_LENGTH, 0},
        {"STP123456789012X", FISCAL_DIGIT_WANTED, 0},
        {"ENI12345678901O3", FISCAL_OH_FOR_ZERO, 0},
        {"XYZ2234567890123", FISCAL_LETTER_WANTED, 0},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct fiscal f;
        CHECK_STR(fiscal_name(fiscal_read(slice_of(row[i].text), &f, NULL)), fiscal_name(row[i].result));
        if (row[i].result != FISCAL_OK)
            continue;
        struct fiscal_person p = person("Rossi", "Mario", 'M', "1980-01-01", "H501");
        CHECK_INT(f.kind, row[i].kind);
        CHECK_INT(fiscal_misfits(&f, &p), 0);
        CHECK_INT(fiscal_place(&f, 0), FISCAL_OK);
        CHECK(fiscal_birth(&f, 20000) == FISCAL_NO_DAY);
    }
}

TEST(no_sentence_is_empty_or_holds_a_value)
{
    for (int r = 0; r < FISCAL_RESULTS; r++)
        CHECK(strlen(fiscal_text((enum fiscal_result)r)) > 10 && !strchr(fiscal_text((enum fiscal_result)r), '%'));
    for (int p = 0; p < FISCAL_PARTS; p++)
        CHECK(strlen(fiscal_part_text((enum fiscal_part)p)) > 10 && *fiscal_part_name((enum fiscal_part)p));
}

/* --- places --- */

TEST(a_place_is_found_by_its_code)
{
    static const struct {
        const char *code, *name, *area;
        bool foreign;
    } row[] = {
        {"H501", "Roma", "RM"},
        {"D704", "Forl\xC3\xAC", "FC"},
        {"M376", "Abetone Cutigliano", "PT"},
        {"A012", "Abetone", "PT"},
        {"Z404", "Stati Uniti d'America", "US", true},
        {"Z114", "Regno Unito", "GB", true},
        {"Z105", "Cecoslovacchia", "", true},
        /* These were encoded twice where they come from. */
        {"C744", "Citt\xC3\xA0 della Pieve", "PG"},
        {"M273", "Santa Maria la Carit\xC3\xA0", "NA"},
        {"M356", "Cont\xC3\xA0", "TN"},
        {"F436", "Monte Di Mezzod\xC3\xAC", "BZ"},
    };
    struct birthplace p;
    for (size_t i = 0; i < COUNT(row); i++) {
        CHECK_INT(birthplace_find(slice_of(row[i].code), &p), 1);
        CHECK_STR(p.code, row[i].code);
        CHECK_STR(p.name, row[i].name);
        CHECK_STR(p.area, row[i].area);
        CHECK_INT(p.foreign, row[i].foreign);
    }
    static const char *const none[] = {"", "H50", "H5012", "h501", "A000", "M999", "Z999", "[501", "H5O1", "H-01", "H50/", "H50:"};
    for (size_t i = 0; i < COUNT(none); i++)
        CHECK_INT(birthplace_find(slice_of(none[i]), &p), 0);
}

TEST(every_place_is_found_by_code_and_by_name)
{
    static struct birthplace all[12000], some[12000];
    size_t count = 0, foreign = 0, gone = 0;
    for (char c = 'A'; c <= 'Z'; c++) {
        size_t n = birthplace_search((struct slice){&c, 1}, BIRTHPLACE_ANY_DAY, all, COUNT(all));
        for (size_t i = 0; i < n; i++) {
            struct birthplace p;
            bool found = false;
            CHECK(birthplace_find(slice_of(all[i].code), &p) == 1 && p.name == all[i].name);
            size_t m = birthplace_search(slice_of(p.name), BIRTHPLACE_ANY_DAY, some, COUNT(some));
            for (size_t k = 0; k < m; k++)
                found |= some[k].name == p.name;
            CHECK(found);
            CHECK(!i || letters_order(slice_of(all[i - 1].name), slice_of(p.name), false) <= 0);
            CHECK(utf8_valid(slice_of(p.name)) && !strstr(p.name, "\xC3\x83") && p.from < p.until);
            foreign += p.foreign;
            gone += p.until != BIRTHPLACE_STILL;
        }
        count += n;
    }
    CHECK_INT(count, 10063);
    CHECK_INT(foreign, 222);
    CHECK_INT(gone, 1951);
}

TEST(a_form_gets_suggestions_for_what_was_typed)
{
    struct birthplace p[5];
    CHECK(birthplace_search(SLICE("FORL\xC3\x8C"), BIRTHPLACE_ANY_DAY, p, 5) >= 2);
    CHECK_STR(p[0].name, "Forl\xC3\xAC");
    CHECK_INT(birthplace_search(SLICE("reggio nell emilia"), BIRTHPLACE_ANY_DAY, p, 5), 1);
    CHECK_STR(p[0].code, "H223");
    CHECK_INT(birthplace_search(SLICE("l'aquila"), BIRTHPLACE_ANY_DAY, p, 5), 1);
    CHECK_STR(p[0].code, "A345");
    CHECK_INT(birthplace_search(SLICE("san"), BIRTHPLACE_ANY_DAY, p, 5), 5);
    CHECK_INT(birthplace_search(SLICE(""), BIRTHPLACE_ANY_DAY, p, 5), 0);
    CHECK_INT(birthplace_search(SLICE(" -"), BIRTHPLACE_ANY_DAY, p, 5), 0);
    CHECK_INT(birthplace_search(SLICE("Roma1"), BIRTHPLACE_ANY_DAY, p, 5), 0);
    CHECK_INT(birthplace_search(SLICE("Roma"), BIRTHPLACE_ANY_DAY, p, 0), 0);
    CHECK_INT(birthplace_search(SLICE("Zzz"), BIRTHPLACE_ANY_DAY, p, 5), 0);
    /* Abetone became Abetone Cutigliano with 2017. */
    CHECK_INT(birthplace_search(SLICE("Abetone"), day_of("2016-12-31"), p, 5), 1);
    CHECK_STR(p[0].code, "A012");
    CHECK_INT(birthplace_search(SLICE("Abetone"), day_of("2017-01-01"), p, 5), 2);
    CHECK_INT(birthplace_search(SLICE("Abetone"), day_of("2017-01-02"), p, 5), 1);
    CHECK_STR(p[0].code, "M376");
}

TEST(a_place_that_is_not_known_or_was_not_then_is_a_reason_to_ask)
{
    static const struct {
        const char *place, *birth;
        enum fiscal_result result;
    } row[] = {
        {"H501", "1980-01-01", FISCAL_OK},
        {"M999", "1980-01-01", FISCAL_PLACE_UNKNOWN},
        {"A000", "1980-01-01", FISCAL_PLACE_UNKNOWN},
        {"M376", "1980-01-01", FISCAL_PLACE_NOT_THEN},
        {"A012", "1980-01-01", FISCAL_OK},
        {"A012", "2020-01-01", FISCAL_PLACE_NOT_THEN},
        {"Z135", "1980-01-01", FISCAL_OK}, /* the Soviet Union */
        {"Z135", "2000-01-01", FISCAL_PLACE_NOT_THEN},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct fiscal_person p = person("Rossi", "Mario", 'M', row[i].birth, row[i].place);
        char code[FISCAL_TEXT];
        struct fiscal f;
        CHECK_INT(fiscal_make(&p, code), FISCAL_OK);
        CHECK_INT(fiscal_read(slice_of(code), &f, NULL), FISCAL_OK); /* and the code is one all the same */
        CHECK_STR(fiscal_name(fiscal_place(&f, p.birth)), fiscal_name(row[i].result));
    }
}

RUN(T(names_are_folded_to_letters), T(three_letters_come_of_each_name), T(a_code_is_made_and_says_what_it_was_made_of),
    T(what_a_person_lacks_is_said_and_nothing_is_written), T(what_is_no_code_is_told_by_its_first_fault),
    T(no_other_byte_passes_anywhere), T(a_date_that_does_not_exist_is_refused), T(the_century_is_the_latest_that_is_not_in_the_future),
    T(a_thousand_codes_have_128_spellings_each_that_read_back), T(the_first_digit_to_become_a_letter_is_the_last),
    T(one_wrong_letter_or_digit_never_passes), T(what_does_not_fit_a_person_is_told_part_by_part),
    T(provisional_and_foreigners_codes_are_known_by_their_form), T(no_sentence_is_empty_or_holds_a_value),
    T(a_place_is_found_by_its_code), T(every_place_is_found_by_code_and_by_name), T(a_form_gets_suggestions_for_what_was_typed),
    T(a_place_that_is_not_known_or_was_not_then_is_a_reason_to_ask))
