#include <fnmatch.h>

#include "api/api_int.h"

static const struct {
    const char *family, *name, *text;
} rules[] = {
#define RULE(code, text) {"", code, text},
#include "api/rules.def"
#undef RULE
#define RESULT(name, text) {"fiscal-", #name, text},
#define PART(name, word, text) {"fiscal-other-", word, text},
#include "study/fiscal.def"
#undef RESULT
#undef PART
};

const char *api_rule(const char *text, struct arena *a)
{
    static const char before[] = "Value error, ";
    if (strncmp(text, before, sizeof before - 1) == 0)
        text += sizeof before - 1;
    for (size_t i = 0; i < COUNT(rules); i++) {
        if (fnmatch(rules[i].text, text, 0) != 0)
            continue;
        char *code = arena_printf(a, "%s%s", rules[i].family, rules[i].name);
        for (char *p = code; p && *p; p++)
            *p = *p == '_' ? '-' : *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        return code;
    }
    return NULL;
}
