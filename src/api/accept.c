#include "api/accept.h"

#include <string.h>

/* qvalue = ( "0" [ "." *3DIGIT ] ) / ( "1" [ "." *3"0" ] ) */
static int thousandths(struct slice v)
{
    int q = 0, unit = 1000;
    if (v.n == 0 || v.n > 5 || (v.p[0] != '0' && v.p[0] != '1') || (v.n > 1 && v.p[1] != '.'))
        return 0;
    for (size_t i = 0; i < v.n; i++) {
        if (i == 1)
            continue;
        if (v.p[i] < '0' || v.p[i] > '9')
            return 0;
        q += (v.p[i] - '0') * unit;
        unit /= 10;
    }
    return q > 1000 ? 0 : q;
}

int accept_quality(struct slice parameters)
{
    while (parameters.p) {
        struct slice value = slice_cut(&parameters, ';'), name = slice_trim(slice_cut(&value, '='));
        if (slice_is_nocase(name, "q"))
            return thousandths(slice_trim(value));
    }
    return 1000;
}

int accept_named(struct slice field, const char *name)
{
    while (field.p) {
        struct slice parameters = slice_cut(&field, ','), one = slice_trim(slice_cut(&parameters, ';'));
        if (slice_is_nocase(one, name))
            return accept_quality(parameters);
    }
    return -1;
}

enum accept_error accept_error(struct slice accept)
{
    int problem = accept_named(accept, "application/problem+json"),
        outcome = accept_named(accept, "application/fhir+json"), plain = accept_named(accept, "application/json");
    if (problem > 0 && problem >= outcome && problem >= plain)
        return ACCEPT_PROBLEM;
    return outcome > 0 && outcome >= plain ? ACCEPT_OUTCOME : ACCEPT_PLAIN;
}
