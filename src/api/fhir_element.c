#include "api/fhir_element.h"

#include <assert.h>

enum { LEVELS = 12 };

/* One step of a path: the member `name`, or the place `name` of the list that the step before opened. */
struct step {
    const char *name;
    size_t n;
    bool place;
};

static int steps_of(const char *path, struct step ret[LEVELS])
{
    int n = 0;
    while (*path) {
        assert(n < LEVELS);
        bool place = *path == '[';
        path += place;
        size_t length = strcspn(path, place ? "]" : ".[");
        ret[n++] = (struct step){path, length, place};
        path += length + place;
        path += *path == '.';
    }
    return n;
}

static bool same(const struct step *a, const struct step *b)
{
    return a->place == b->place && a->n == b->n && memcmp(a->name, b->name, a->n) == 0;
}

/* A member's name, if it is one; and what the next step stands in. */
static void open_step(struct json_out *o, const struct step *s, int i, int n)
{
    char key[64];
    if (!s[i].place) {
        assert(s[i].n < sizeof key);
        memcpy(key, s[i].name, s[i].n);
        key[s[i].n] = 0;
        json_key(o, key);
    }
    if (i + 1 < n)
        json_open(o, s[i + 1].place ? '[' : '{');
}

static bool is_below(const char *path, const char *part)
{
    size_t n = strlen(part);
    return strncmp(path, part, n) == 0 && (path[n] == 0 || path[n] == '.' || path[n] == '[' || n == 0);
}

static bool stands(const struct element *x, size_t n, const struct element *row)
{
    if (!row->with)
        return row->value.p != NULL;
    if (!*row->with)
        return true;
    for (size_t i = 0; i < n; i++)
        if (!x[i].with && x[i].value.p && is_below(x[i].path, row->with))
            return true;
    return false;
}

/* Between two rows what they have in common stays open; each step but a path's last has opened something. */
void element_put(struct json_out *o, const struct element *x, size_t n)
{
    struct step was[LEVELS], now[LEVELS];
    int depth = 0; /* of `was` */
    for (size_t i = 0; i <= n; i++) {
        if (i < n && !stands(x, n, &x[i]))
            continue;
        int steps = i < n ? steps_of(x[i].path, now) : 0, common = 0;
        while (common < steps && common < depth && same(&was[common], &now[common]))
            common++;
        for (int k = depth - 1; k > common; k--)
            json_close(o, was[k].place ? ']' : '}');
        if (i == n)
            break;
        assert(common < steps);
        for (int k = common; k < steps; k++)
            open_step(o, now, k, steps);
        if (x[i].kind == ELEMENT_RAW)
            json_put_raw(o, x[i].value);
        else
            json_put(o, x[i].value);
        memcpy(was, now, sizeof was);
        depth = steps;
    }
}
