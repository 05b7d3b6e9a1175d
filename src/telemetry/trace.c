#include "telemetry/trace.h"

#include <stdio.h>

#include "base/rnd.h"

static bool lower_hex(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

static bool all_zero(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '0')
            return false;
    return true;
}

/* Version 00 exactly; a later version may have more behind its flags, from which only the first four parts are read. */
static bool valid(struct slice h)
{
    if (h.n < 55 || h.p[2] != '-' || h.p[35] != '-' || h.p[52] != '-')
        return false;
    struct slice version = {h.p, 2}, id = {h.p + 3, 32}, span = {h.p + 36, 16}, flags = {h.p + 53, 2};
    if (!lower_hex(version) || !lower_hex(id) || !lower_hex(span) || !lower_hex(flags))
        return false;
    if (slice_is(version, "ff") || (slice_is(version, "00") && h.n != 55) || (h.n > 55 && h.p[55] != '-'))
        return false;
    return !all_zero(id) && !all_zero(span);
}

void trace_take(struct slice header, struct trace *ret)
{
    unsigned char raw[16];
    char span[17];
    const char *flags = "01";
    header = slice_trim(header);
    if (valid(header)) {
        memcpy(ret->id, header.p + 3, 32);
        ret->id[32] = 0;
        flags = header.p + 53;
    } else {
        rnd_bytes(raw, sizeof raw);
        hex_encode(raw, sizeof raw, ret->id);
    }
    rnd_bytes(raw, 8);
    hex_encode(raw, 8, span);
    snprintf(ret->parent, sizeof ret->parent, "00-%s-%s-%.2s", ret->id, span, flags);
}
