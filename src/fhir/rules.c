#include "fhir/check_int.h"

#include "base/dec.h"

/* A number that is too long to compare is none that a probability can be. */
static bool ras_2(const struct json *j, uint32_t prediction)
{
    struct dec value, limit;
    uint32_t v = json_get_kind(j, prediction, "probabilityDecimal", JSON_NUMBER);
    return !v || (dec_parse(json_raw(j, v), &value) && dec_parse(SLICE("100"), &limit) && dec_cmp(&value, &limit) <= 0);
}

static const struct {
    const char *key, *expected;
    bool (*holds)(const struct json *j, uint32_t obj);
} rules[] = {
#define RULE(shape, key, holds, expected) {key, expected, holds},
#include "fhir/rules.def"
#undef RULE
};

void rules_check(struct check *c, const struct frame *f, const struct fhir_shape *s, uint32_t obj)
{
    for (unsigned i = s->rule; i < (unsigned)s->rule + s->rules; i++)
        if (!rules[i].holds(c->j, obj))
            issue_add(c, FHIR_ERROR, "invariant", f, check_off(c, obj), "invariant %s does not hold, expected %s",
                      rules[i].key, rules[i].expected);
}
