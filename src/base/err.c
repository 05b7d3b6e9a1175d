#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text, *issue;
    int http, retry;
} table[ERR_COUNT] = {
    [ERR_NONE] = {"NONE", "no error", "informational", 500, 0},
#define ERR(code, http, issue, retry, text) [ERR_##code] = {#code, text, issue, http, retry},
#include "base/errors.def"
#undef ERR
};

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;
    e->code = code;
    va_start(ap, fmt);
    vsnprintf(e->detail, sizeof e->detail, fmt, ap);
    va_end(ap);
    return -1;
}

int err_in(struct err *e, const char *fmt, ...)
{
    char inner[sizeof e->detail];
    va_list ap;
    memcpy(inner, e->detail, sizeof inner);
    va_start(ap, fmt);
    int n = vsnprintf(e->detail, sizeof e->detail, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->detail)
        snprintf(e->detail + n, sizeof e->detail - (size_t)n, ": %.*s", (int)sizeof inner - n, inner);
    return -1;
}

int err_sys(struct err *e, enum err_code code, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    e->code = code;
    va_start(ap, fmt);
    int n = vsnprintf(e->detail, sizeof e->detail, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof e->detail)
        snprintf(e->detail + n, sizeof e->detail - (size_t)n, ": %s", strerror(saved));
    return -1;
}

const char *err_name(enum err_code code)
{
    return table[code].name;
}
const char *err_text(enum err_code code)
{
    return table[code].text;
}
const char *err_issue(enum err_code code)
{
    return table[code].issue;
}
int err_http(enum err_code code)
{
    return table[code].http;
}
int err_retry(enum err_code code)
{
    return table[code].retry;
}
