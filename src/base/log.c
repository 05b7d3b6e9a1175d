#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"

static _Atomic enum log_level least_level = LOG_INFO;

void log_set_level(enum log_level least)
{
    least_level = least;
}

void log_line(enum log_level level, const char *msg, ...)
{
    static const char *const name[] = {"debug", "info", "warn", "error"};
    char when[CLOCK_TEXT];
    if (level < least_level)
        return;
    OWN_ARENA struct arena *a = arena_new(64 * 1024);
    if (!a)
        return;
    struct buf b = buf_in(a, 16 * 1024);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_str(&o, "time", clock_text(clock_now_us(), when));
    json_pair_str(&o, "level", name[level]);
    json_pair_str(&o, "msg", msg);
    va_list ap;
    va_start(ap, msg);
    for (const char *key; (key = va_arg(ap, const char *)) != NULL;)
        json_pair_str(&o, key, va_arg(ap, const char *));
    va_end(ap);
    json_close(&o, '}');
    buf_byte(&b, '\n');
    if (!buf_failed(&b) && write(STDERR_FILENO, b.p, b.n) < 0)
        return; /* nobody is left to tell */
}

void log_err(enum log_level level, const char *msg, const struct err *e)
{
    log_line(level, msg, "code", err_name(e->code), "detail", e->detail, NULL);
}
