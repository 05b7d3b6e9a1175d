/* minimum.c -- the protections without which an operator lets no stranger's program run. */
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "sandbox/sandbox.h"

/* As jail/report.c calls them. The jail does not come up without most of them; which hold or not depends on the machine
 * for "user" (started as root), "landlock" (the kernel) and "memory" (a control group). */
static const char *const protections[] = {"namespaces", "network",      "files",    "user",   "privileges",
                                          "system-calls", "landlock", "memory", "processes", "processor",
                                          "disk"};

static bool is_known(struct slice name)
{
    for (size_t i = 0; i < COUNT(protections); i++)
        if (slice_is(name, protections[i]))
            return true;
    return false;
}

static int unknown(struct slice name, struct arena *a, struct err *e)
{
    struct buf b = buf_in(a, 1024);
    for (size_t i = 0; i < COUNT(protections); i++)
        buf_printf(&b, "%s%s", i ? ", " : "", protections[i]);
    return err_set(e, ERR_CONFIG, "sandbox.minimum: '%.*s' is none of %.*s", SLICE_FMT(name), SLICE_FMT(buf_text(&b)));
}

/* The node of a protection's line, or 0. */
static uint32_t line_of(const struct json *j, struct slice name, struct arena *a)
{
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k))
        if (slice_eq(json_get_text(j, k, "what", a), name))
            return k;
    return 0;
}

static int must_hold(const struct json *j, struct slice name, struct arena *a, struct err *e)
{
    uint32_t k = line_of(j, name, a), holds = k ? json_get(j, k, "holds") : 0;
    if (holds && json_kind(j, holds) == JSON_TRUE)
        return 0;
    struct slice sentence = k ? json_get_text(j, k, "sentence", a) : SLICE("the jail says nothing of it");
    return err_set(e, ERR_SANDBOX, "sandbox.minimum asks for '%.*s', which does not hold here: %.*s", SLICE_FMT(name),
                   SLICE_FMT(sentence));
}

int sandbox_minimum(const char *minimum, struct slice json, struct arena *a, struct err *e)
{
    struct json j;
    struct json_fault f;
    if (json.p && json_parse(a, json, &j, &f))
        return err_set(e, ERR_SANDBOX, "the jail's description of itself cannot be read");
    for (const char *at = minimum; at && *at;) {
        struct slice name = {at, strcspn(at, " ,\t")};
        if (name.n && !is_known(name))
            return unknown(name, a, e);
        if (name.n && json.p && must_hold(&j, name, a, e))
            return -1;
        at += name.n + (at[name.n] != '\0');
    }
    return 0;
}
