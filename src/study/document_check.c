#include "study/document_check.h"

#include "base/own.h"
#include "study/letters.h"

enum { PIXELS_MAX = 100 * 1000 * 1000 };

/* --- how each type is known: 1 it is one, 0 more bytes are needed, -1 it is none --- */

static int begins(struct slice first, struct slice magic)
{
    size_t n = first.n < magic.n ? first.n : magic.n;
    return memcmp(first.p, magic.p, n) != 0 ? -1 : first.n >= magic.n;
}

static int known_pdf(struct slice first)
{
    int one = begins(first, SLICE("%PDF-1."));
    return one < 0 ? begins(first, SLICE("%PDF-2.")) : one;
}

static uint32_t u32(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

/* With its first chunk, IHDR, which says how large the picture is: a few bytes can unpack to more than any viewer has.
 */
static int known_png(struct slice first)
{
    int is = begins(first, SLICE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
    if (is <= 0 || first.n < 24)
        return is < 0 ? -1 : 0;
    uint64_t pixels = (uint64_t)u32(first.p + 16) * u32(first.p + 20);
    return pixels >= 1 && pixels <= PIXELS_MAX ? 1 : -1;
}

static int known_jpeg(struct slice first)
{
    return begins(first, SLICE("\xff\xd8\xff"));
}

static int known_text(struct slice first)
{
    (void)first;
    return 1;
}

static const struct {
    const char *media, *endings;
    struct slice magic;
    int (*known)(struct slice first);
    const char *fault;
} types[] = {
#define TYPE(name, media, endings, magic, how)                                                                         \
    {media, endings, SLICE(magic), known_##how, "it is declared as " media ", but is none, or one that is not taken"},
#include "study/document_types.def"
#undef TYPE
};

const char *document_media(enum document_type t)
{
    return types[t].media;
}

static bool is_text(enum document_type t)
{
    return types[t].known == known_text;
}

bool document_type_named(struct slice media, enum document_type *ret)
{
    struct slice rest = media, type = slice_trim(slice_cut(&rest, ';'));
    struct slice parameter = slice_trim(rest);
    for (int t = 0; t < DOCUMENT_TYPES; t++) {
        if (!slice_is_nocase(type, types[t].media))
            continue;
        if (parameter.n && !(is_text((enum document_type)t) && (slice_is_nocase(parameter, "charset=utf-8") ||
                                                                slice_is_nocase(parameter, "charset=\"utf-8\"") ||
                                                                slice_is_nocase(parameter, "charset=us-ascii"))))
            return false;
        *ret = (enum document_type)t;
        return true;
    }
    return false;
}

/* --- content --- */

static const char *looks_like(struct slice first, const char *otherwise)
{
    static const struct {
        struct slice magic;
        const char *text;
    } looks[] = {
#define LOOKS(magic, what) {SLICE(magic), "it is not what it is declared as: it looks like " what},
#include "study/document_types.def"
#undef LOOKS
    };
    for (size_t i = 0; i < COUNT(looks); i++)
        if (first.n && begins(first, looks[i].magic) > 0)
            return looks[i].text;
    return otherwise;
}

/* What begins as it should is a broken one, or far too large. */
static const char *fault(struct document_check *c)
{
    struct slice first = {c->first, c->first_n}, magic = types[c->type].magic;
    c->failed = true;
    return magic.n && begins(first, magic) > 0 ? types[c->type].fault : looks_like(first, types[c->type].fault);
}

static bool plain(uint32_t c)
{
    return c >= ' ' ? c != 0x7f && !(c >= 0x80 && c < 0xa0) : c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* How many bytes begin with this one; 0: none do. */
static int utf8_length(uint8_t c)
{
    return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

static bool take_text(struct document_check *c, struct slice piece)
{
    for (size_t i = 0; i < piece.n; i++) {
        c->utf8[c->utf8_n++] = (uint8_t)piece.p[i];
        int length = utf8_length(c->utf8[0]);
        struct slice one = {(char *)c->utf8, (size_t)c->utf8_n};
        if (length == 0 || (c->utf8_n > 1 && (c->utf8[c->utf8_n - 1] & 0xc0) != 0x80))
            return false;
        if (c->utf8_n < length)
            continue;
        if (!utf8_valid(one) || !plain(letters_code_point(&one)))
            return false;
        c->utf8_n = 0;
    }
    return true;
}

const char *document_check(struct document_check *c, struct slice piece)
{
    size_t n = DOCUMENT_FIRST - c->first_n < piece.n ? DOCUMENT_FIRST - c->first_n : piece.n;
    if (n)
        memcpy(c->first + c->first_n, piece.p, n);
    c->first_n += n;
    int is = c->known ? 1 : types[c->type].known((struct slice){c->first, c->first_n});
    c->known |= is > 0;
    return c->failed || is < 0 || (is_text(c->type) && !take_text(c, piece)) ? fault(c) : NULL;
}

const char *document_check_end(struct document_check *c)
{
    if (c->first_n == 0)
        return c->failed = true, "it is empty";
    return c->failed || !c->known || c->utf8_n ? fault(c) : NULL;
}

/* --- names --- */

/* Marks and overrides of direction make "gpj.exe" look like "exe.jpg". */
static bool turns(uint32_t c)
{
    return c == 0x200e || c == 0x200f || c == 0x61c || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static const char *text_fault(struct slice s, size_t most, const char *too_long)
{
    if (s.n == 0)
        return "it is empty";
    if (s.n > most)
        return too_long;
    if (!utf8_valid(s))
        return "it is not UTF-8";
    while (s.n) {
        uint32_t c = letters_code_point(&s);
        if (!plain(c) || c < ' ' || turns(c) || c == 0x2028 || c == 0x2029)
            return "it has control characters";
    }
    return NULL;
}

static bool ends_as(struct slice name, enum document_type t)
{
    for (struct slice rest = slice_of(types[t].endings); rest.n;) {
        struct slice ending = slice_cut(&rest, ' ');
        char text[8];
        if (name.n < ending.n + 2 || name.p[name.n - ending.n - 1] != '.')
            continue;
        memcpy(text, ending.p, ending.n);
        text[ending.n] = 0;
        if (slice_is_nocase((struct slice){name.p + name.n - ending.n, ending.n}, text))
            return true;
    }
    return false;
}

const char *document_name_fault(struct slice name, enum document_type t)
{
    const char *text = text_fault(name, DOCUMENT_NAME, "it is longer than 255 bytes");
    if (text)
        return text;
    if (memchr(name.p, '/', name.n) || memchr(name.p, '\\', name.n))
        return "it is a path: send the name alone";
    if (strchr(" .", name.p[0]) || name.p[name.n - 1] == ' ')
        return "it begins or ends with a space, or begins with a dot";
    return ends_as(name, t) ? NULL : "it does not end as the names of its type do, such as .pdf of application/pdf";
}

const char *document_kind_fault(struct slice kind)
{
    return text_fault(kind, DOCUMENT_KIND, "it is longer than 64 bytes");
}
