#include "study/letters.h"

/* What each code point from U+00C0 and U+1E00 on is folded to, by Unicode's canonical decompositions and, for letters
 * that have none (Ø, Ł, Đ, ı ...), by the letter they are written for in passports. '.': no Latin letter; a small
 * letter stands for two, below. */
static const char from_00c0[] = "AAAAAAaCEEEEIIIIDNOOOOO.OUUUUYtsAAAAAAaCEEEEIIIIDNOOOOO.OUUUUYtY"  /* U+00C0 */
                                "AAAAAACCCCCCCCDDDDEEEEEEEEEEGGGGGGGGHHHHIIIIIIIIIIiiJJKK.LLLLLLL"  /* U+0100 */
                                "LLLNNNNNNNNNOOOOOOooRRRRRRSSSSSSSSTTTTTTUUUUUUUUUUUUWWYYYZZZZZZS"  /* U+0140 */
                                ".........D......................OO.............UU..............."  /* U+0180 */
                                "....dddlllnnnAAIIOOUUUUUUUUUU.AAAAaa..GGKKOOOO..JdddGG..NNAAaaOO"  /* U+01C0 */
                                "AAAAEEEEIIIIOOOORRRRUUUUSSTT..HH......AAEEOOOOOOOOYY............"; /* U+0200 */
static const char from_1e00[] = "AABBBBBBCCDDDDDDDDDDEEEEEEEEEEFFGGHHHHHHHHHHIIIIKKKKKKLLLLLLLLMM"  /* U+1E00 */
                                "MMMMNNNNNNNNOOOOOOOOPPPPRRRRRRRRSSSSSSSSSSTTTTTTTTUUUUUUUUUUVVVV"  /* U+1E40 */
                                "WWWWWWWWWWXXXXYYZZZZZZHTWY.S..s.AAAAAAAAAAAAAAAAAAAAAAAAEEEEEEEE"  /* U+1E80 */
                                "EEEEEEEEIIIIOOOOOOOOOOOOOOOOOOOOOOOOUUUUUUUUUUUUUUYYYYYYYY......"; /* U+1EC0 */

static const char *pair_of(char small)
{
    switch (small) {
    case 'a': return "AE";
    case 'o': return "OE";
    case 's': return "SS";
    case 't': return "TH";
    case 'i': return "IJ";
    case 'd': return "DZ";
    case 'l': return "LJ";
    default: return "NJ";
    }
}

uint32_t letters_code_point(struct slice *rest)
{
    static const uint8_t mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint8_t first = (uint8_t)*rest->p;
    size_t n = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    uint32_t point = 0xFFFD;
    if (n > rest->n || !utf8_valid((struct slice){rest->p, n})) {
        n = 1;
    } else {
        point = first & mask[n];
        for (size_t i = 1; i < n; i++)
            point = point << 6 | ((uint8_t)rest->p[i] & 0x3F);
    }
    *rest = (struct slice){rest->p + n, rest->n - n};
    return point;
}

static bool stands_between(uint32_t c)
{
    static const uint16_t list[] = {' ',  '\'', '-',    '.',    ',',    '/',    '(',    ')',    '`', 0xA0,
                                    0xB4, 0xB7, 0x02BC, 0x2010, 0x2011, 0x2013, 0x2018, 0x2019, 0};
    for (const uint16_t *p = list; *p; p++)
        if (*p == c)
            return true;
    return false;
}

/* The letter of the table, 0 when the code point is none. */
static char base_of(uint32_t c)
{
    char found = '.';
    if (c < 0x80)
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (char)(c & ~0x20u) : 0;
    if (c >= 0xC0 && c - 0xC0 < sizeof from_00c0 - 1)
        found = from_00c0[c - 0xC0];
    else if (c >= 0x1E00 && c - 0x1E00 < sizeof from_1e00 - 1)
        found = from_1e00[c - 0x1E00];
    return found == '.' ? 0 : found;
}

static bool is_umlaut(uint32_t c)
{
    return c == 0xC4 || c == 0xD6 || c == 0xDC || c == 0xE4 || c == 0xF6 || c == 0xFC;
}

static char give(struct letters *l, char letter, char held)
{
    l->held = held;
    return l->last = letter;
}

char letters_next(struct letters *l)
{
    if (l->held)
        return give(l, l->held, 0);
    while (l->rest.n) {
        uint32_t c = letters_code_point(&l->rest);
        char base = base_of(c);
        bool mark = c >= 0x0300 && c <= 0x036F;
        if (base >= 'a') {
            const char *pair = pair_of(base);
            return give(l, pair[0], pair[1]);
        }
        if (base)
            return give(l, base, is_umlaut(c) && l->umlaut == LETTERS_AE ? 'E' : 0);
        if (c == 0x0308 && l->umlaut == LETTERS_AE && (l->last == 'A' || l->last == 'O' || l->last == 'U'))
            return give(l, 'E', 0);
        if (!mark) {
            l->strange |= !stands_between(c);
            l->last = 0;
        }
    }
    return 0;
}

int letters_order(struct slice a, struct slice b, bool beginning)
{
    struct letters x = letters_of(a, LETTERS_A), y = letters_of(b, LETTERS_A);
    for (;;) {
        char p = letters_next(&x), q = letters_next(&y);
        if (!p && beginning)
            return 0;
        if (p != q || !p)
            return p - q;
    }
}
