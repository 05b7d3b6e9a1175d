#include "fhir/xhtml_int.h"

#include <strings.h>

#include "base/own.h"

static const char *const elements[] = {
#define ELEMENT(name) name,
#define ANYWHERE(name)
#define ON(name)
#include "fhir/xhtml.def"
#undef ELEMENT
#undef ANYWHERE
};
static const char *const anywhere[] = {
#define ELEMENT(name)
#define ANYWHERE(name) name,
#include "fhir/xhtml.def"
#undef ANYWHERE
#undef ON
};
static const char *const on[] = {
#define ANYWHERE(name)
#define ON(name) name,
#include "fhir/xhtml.def"
#undef ELEMENT
#undef ANYWHERE
#undef ON
};

struct tags {
    const char *p, *end;
    struct slice open[XHTML_DEPTH];
    int depth;
    bool done; /* the outermost div is closed */
};

static bool space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* -1, 0 or 1: a before, at or after z. */
static int order(struct slice a, const char *z)
{
    size_t n = strlen(z);
    int d = memcmp(a.p, z, a.n < n ? a.n : n);
    return d ? d : (a.n > n) - (a.n < n);
}

static bool in_list(const char *const *list, size_t n, struct slice s)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = (low + n) / 2;
        int d = order(s, list[middle]);
        if (d == 0)
            return true;
        *(d < 0 ? &n : &low) = d < 0 ? middle : middle + 1;
    }
    return false;
}

static bool may_have(struct slice element, struct slice attribute)
{
    char both[32];
    if (in_list(anywhere, COUNT(anywhere), attribute) || slice_starts(attribute, "xmlns:"))
        return true;
    if (element.n + 1 + attribute.n > sizeof both)
        return false;
    memcpy(both, element.p, element.n);
    both[element.n] = '.';
    memcpy(both + element.n + 1, attribute.p, attribute.n);
    return in_list(on, COUNT(on), (struct slice){both, element.n + 1 + attribute.n});
}

static void skip_space(struct tags *t)
{
    while (t->p < t->end && space(*t->p))
        t->p++;
}

/* The bytes that end a name, as a set. */
static inline bool ends_name(unsigned char c)
{
    const uint64_t low = 1ull << ' ' | 1ull << '\t' | 1ull << '\n' | 1ull << '\r' | 1ull << '/' | 1ull << '>' |
                         1ull << '=' | 1ull << '<' | 1ull << '"' | 1ull << '\'' | 1ull << '&';
    return c < 64 && (low >> c & 1);
}

static struct slice name(struct tags *t)
{
    const char *p = t->p;
    while (t->p < t->end && !ends_name((unsigned char)*t->p))
        t->p++;
    return (struct slice){p, (size_t)(t->p - p)};
}

/* Past `z`, or to the end and false. */
static bool skip_past(struct tags *t, const char *z)
{
    const char *at = memmem(t->p, (size_t)(t->end - t->p), z, strlen(z));
    t->p = at ? at + strlen(z) : t->end;
    return at != NULL;
}

/* "#160" or "#xA0". */
static bool is_number(struct slice s)
{
    bool hex = s.n > 1 && s.p[1] == 'x';
    size_t i = hex ? 2 : 1;
    if (s.n <= i || s.p[0] != '#')
        return false;
    for (; i < s.n; i++) {
        char c = s.p[i];
        if (!(c >= '0' && c <= '9') && !(hex && (c | 32) >= 'a' && (c | 32) <= 'f'))
            return false;
    }
    return true;
}

/* t->p at '&'. XML's five entities and numbers; HTML's names are not known where FHIR is read as XML. */
static const char *entity(struct tags *t)
{
    static const char *const known[] = {"amp", "apos", "gt", "lt", "quot"};
    const char *p = ++t->p;
    while (t->p < t->end && t->p - p < 12 && *t->p != ';' && *t->p != '&' && *t->p != '<' && !space(*t->p))
        t->p++;
    if (t->p == p || t->p >= t->end || *t->p != ';')
        return "an & that does not begin an entity";
    struct slice s = {p, (size_t)(t->p++ - p)};
    return in_list(known, COUNT(known), s) || is_number(s) ? NULL : "an entity that XML does not have";
}

/* What follows the = of this attribute, without its quotes: nothing that runs, and no other namespace. */
static const char *value_fault(struct slice attribute, struct slice value)
{
    bool address = slice_is(attribute, "href") || slice_is(attribute, "src");
    if (!value.n && slice_is(attribute, "href"))
        return "a link without an address";
    while (value.n && (space(*value.p) || (unsigned char)*value.p < 0x20))
        value.p++, value.n--;
    if (address && value.n >= 11 && strncasecmp(value.p, "javascript:", 11) == 0)
        return "a script as an address";
    if (slice_is(attribute, "xmlns") && !slice_is(value, "http://www.w3.org/1999/xhtml"))
        return "a namespace that is not XHTML's";
    return NULL;
}

/* The text between quotes of an attribute; entities inside. */
static const char *value(struct tags *t)
{
    char quote = *t->p++;
    while (t->p < t->end && *t->p != quote) {
        const char *fault = *t->p == '<' ? "a < inside an attribute" : *t->p == '&' ? entity(t) : (t->p++, NULL);
        if (fault)
            return fault;
    }
    if (t->p >= t->end)
        return "an attribute without its closing quote";
    t->p++;
    return NULL;
}

/* Attributes up to > or />; *ret_closed says which. */
static const char *attributes(struct tags *t, struct slice element, bool *ret_closed)
{
    enum { FEW = 16 };
    struct slice seen[FEW];
    for (int n = 0;; n++) {
        const char *before = t->p;
        skip_space(t);
        *ret_closed = t->p + 1 < t->end && t->p[0] == '/' && t->p[1] == '>';
        if (*ret_closed || (t->p < t->end && *t->p == '>')) {
            t->p += *ret_closed ? 2 : 1;
            return NULL;
        }
        struct slice s = name(t);
        if (s.n == 0 || s.p == before)
            return "a tag that is not closed";
        for (int i = 0; i < n && i < FEW; i++)
            if (slice_eq(seen[i], s))
                return "an attribute that stands twice";
        if (n < FEW)
            seen[n] = s;
        skip_space(t);
        if (t->p >= t->end || *t->p++ != '=')
            return "an attribute without a value";
        skip_space(t);
        if (t->p >= t->end || (*t->p != '"' && *t->p != '\''))
            return "an attribute whose value is not in quotes";
        const char *begin = t->p + 1, *fault = value(t);
        if (!fault)
            fault = may_have(element, s) ? value_fault(s, (struct slice){begin, (size_t)(t->p - 1 - begin)})
                                         : "an attribute that a narrative may not have";
        if (fault)
            return fault;
    }
}

static const char *close_tag(struct tags *t)
{
    struct slice s = name(t);
    skip_space(t);
    if (t->p >= t->end || *t->p++ != '>')
        return "a tag that is not closed";
    if (t->depth == 0 || !slice_eq(t->open[t->depth - 1], s))
        return "tags that do not match";
    t->done = --t->depth == 0;
    return NULL;
}

static const char *open_tag(struct tags *t)
{
    struct slice s = name(t);
    bool closed;
    if (s.n == 0)
        return "a < that does not begin a tag";
    if (t->depth == 0 && !slice_is(s, "div"))
        return "something other than one div element";
    if (!in_list(elements, COUNT(elements), s))
        return "an element that a narrative may not have";
    const char *fault = attributes(t, s, &closed);
    if (fault)
        return fault;
    if (closed) {
        t->done = t->depth == 0;
        return NULL;
    }
    if (t->depth == XHTML_DEPTH)
        return "elements nested more than 256 deep";
    t->open[t->depth++] = s;
    return NULL;
}

/* t->p behind "<!". */
static const char *declaration(struct tags *t)
{
    struct slice rest = {t->p, (size_t)(t->end - t->p)};
    if (slice_starts(rest, "!--")) {
        t->p += 3;
        return skip_past(t, "-->") ? NULL : "a comment that does not end";
    }
    if (slice_starts(rest, "![CDATA["))
        return skip_past(t, "]]>") && t->depth ? NULL : "a CDATA section that does not end";
    return "a document type, which is not allowed";
}

/* t->p behind '<'. */
static const char *markup(struct tags *t)
{
    switch (t->p < t->end ? *t->p : '\0') {
    case '!': return declaration(t);
    case '?': return skip_past(t, "?>") ? NULL : "a processing instruction that does not end";
    case '/': t->p++; return close_tag(t);
    default: return t->done ? "something other than one div element" : open_tag(t);
    }
}

/* Text between tags. */
static const char *content(struct tags *t)
{
    if (t->depth == 0) {
        skip_space(t);
        return t->p == t->end || *t->p == '<' ? NULL : "something other than one div element";
    }
    while (t->p < t->end && *t->p != '<' && *t->p != '&')
        t->p++;
    return t->p < t->end && *t->p == '&' ? entity(t) : NULL;
}

const char *xhtml_fault(struct slice text)
{
    struct tags t;
    t.p = text.p;
    t.end = text.p + text.n;
    t.depth = 0;
    t.done = false;
    while (t.p < t.end) {
        const char *fault = *t.p == '<' ? (t.p++, markup(&t)) : content(&t);
        if (fault)
            return fault;
    }
    return t.done ? NULL : "an element that is not closed";
}

/* t->p at '<': past the tag, whose attributes may hold a '>'. */
static void skip_tag(struct tags *t)
{
    char quote = '\0';
    for (; t->p < t->end && (quote || *t->p != '>'); t->p++)
        if (quote ? *t->p == quote : *t->p == '"' || *t->p == '\'')
            quote = quote ? '\0' : *t->p;
    t->p += t->p < t->end;
}

bool xhtml_attribute(struct xhtml_walk *w, struct slice *ret_name, struct slice *ret_value)
{
    struct tags t;
    t.p = w->rest.p;
    t.end = w->rest.p + w->rest.n;
    bool found = false;
    while (t.p < t.end && !found) {
        struct slice rest = {t.p, (size_t)(t.end - t.p)};
        if (!w->inside && slice_starts(rest, "<!--")) {
            skip_past(&t, "-->");
        } else if (!w->inside && slice_starts(rest, "<![CDATA[")) {
            skip_past(&t, "]]>");
        } else if (!w->inside && slice_starts(rest, "<?")) {
            skip_past(&t, "?>");
        } else if (!w->inside) {
            w->inside = *t.p++ == '<';
            t.p += w->inside && t.p < t.end && *t.p == '/';
            if (w->inside)
                name(&t);
        } else if (*t.p == '>' || *t.p == '/' || space(*t.p)) {
            w->inside = *t.p++ != '>';
        } else {
            *ret_name = name(&t);
            while (t.p < t.end && *t.p != '"' && *t.p != '\'')
                t.p++;
            const char *begin = t.p + 1;
            const char *close = t.p < t.end ? memchr(begin, *t.p, (size_t)(t.end - begin)) : NULL;
            t.p = close ? close + 1 : t.end;
            *ret_value = (struct slice){begin, close ? (size_t)(close - begin) : 0};
            found = close;
        }
    }
    w->rest = (struct slice){t.p, (size_t)(t.end - t.p)};
    return found;
}

bool xhtml_empty(struct slice text)
{
    struct tags t;
    t.p = text.p;
    t.end = text.p + text.n;
    while (t.p < t.end) {
        struct slice rest = {t.p, (size_t)(t.end - t.p)};
        if (space(*t.p))
            t.p++;
        else if (*t.p != '<' || slice_starts(rest, "<img") || slice_starts(rest, "<![CDATA["))
            return false;
        else if (slice_starts(rest, "<!--"))
            skip_past(&t, "-->");
        else
            skip_tag(&t);
    }
    return true;
}
