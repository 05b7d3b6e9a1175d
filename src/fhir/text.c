#include "fhir/text_int.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

size_t text_put(uint32_t c, char *out)
{
    const size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = n; i > 1; i--, c >>= 6)
        out[i - 1] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)(first[n] | c);
    return n;
}

static locale_t cases; /* 0: there is none */

static void find_cases(void)
{
    cases = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); /* for the life of the process */
}

static locale_t cases_ready(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_cases);
    return cases;
}

uint32_t text_upper(uint32_t c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? c - 32 : c;
    const locale_t l = cases_ready();
    return l ? (uint32_t)towupper_l((wint_t)c, l) : c;
}

uint32_t text_lower(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    const locale_t l = cases_ready();
    return l ? (uint32_t)towlower_l((wint_t)c, l) : c;
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Takes the next character that counts off *s: white space as one blank, letters in one case; 0: there is no more. */
static uint32_t take_folded(struct slice *s)
{
    bool space = false;
    while (s->n) {
        unsigned n;
        uint32_t c = text_point(s->p, s->p + s->n, &n);
        if (space && !is_space(c))
            return ' ';
        s->p += n;
        s->n -= n;
        if (!is_space(c))
            return text_lower(text_upper(c));
        space = true;
    }
    return 0;
}

bool text_similar(struct slice a, struct slice b)
{
    uint32_t x = take_folded(&a), y = take_folded(&b);
    x = x == ' ' ? take_folded(&a) : x;
    y = y == ' ' ? take_folded(&b) : y;
    while (x && x == y) {
        x = take_folded(&a);
        y = take_folded(&b);
    }
    return x == y;
}
