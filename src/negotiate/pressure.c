/* pressure.c -- the mean arterial pressure of a sample that says the systolic and the diastolic one: two components of
 * one Observation, each of which has to count by itself (steps.def). Never of two samples: pressures of two moments
 * have no mean. */
#include "negotiate/negotiate_int.h"

/* The Observation a component is of: its fact stands before those of its components. */
static struct fact *whole_of(struct index *x, size_t component)
{
    return &x->fact[component - 1 - (size_t)x->fact[component].component];
}

static bool is_part(const struct fact *f)
{
    return f->kind == FACT_OBSERVATION && f->component >= 0;
}

static void note_part(struct index *x, size_t at, const struct input_code *code, size_t nth)
{
    struct fact *whole = whole_of(x, at);
    uint32_t *part = whole->pressure.part;
    if (whole->pressure.match != x->matches)
        memset(&whole->pressure, 0, sizeof whole->pressure);
    whole->pressure.match = x->matches;
    if (part[code->pressure] && part[code->pressure] != at + 1)
        whole->pressure.more = 1;
    part[code->pressure] = (uint32_t)at + 1;
    whole->pressure.code[code->pressure] = (uint16_t)nth;
}

static enum step lacks(enum step step, enum reason reason, const char *note, struct outcome *out)
{
    out->found = false;
    out->reason = reason;
    out->seen.note = note;
    return step;
}

static enum step compute(const struct index *x, const struct input *in, const struct outcome part[PRESSURES],
                         struct outcome *out)
{
    const struct weighed sum[] = {{part[PRESSURE_SYSTOLIC].value, 1}, {part[PRESSURE_DIASTOLIC].value, 2}};
    struct dec high, low, mean;
    if (!dec_parse(sum[0].value, &high) || !dec_parse(sum[1].value, &low) ||
        !exact_mean(x->a, sum, 2, 3, in->decimals, &out->value) || !dec_parse(out->value, &mean))
        return lacks(STEP_RANGE, REASON_OUT_OF_RANGE, "its pressures have too many digits", out);
    if (dec_cmp(&low, &high) > 0)
        return lacks(STEP_RANGE, REASON_OUT_OF_RANGE, "its diastolic pressure is above its systolic one", out);
    if (match_outside(&in->hard, &mean))
        return lacks(STEP_RANGE, REASON_OUT_OF_RANGE, "it is computed: (systolic + 2 diastolic) / 3", out);
    out->soft = match_outside(&in->soft, &mean);
    out->seen.note = "it is computed from both pressures of this sample: (systolic + 2 diastolic) / 3";
    return STEP_USABLE;
}

/* What becomes of one Observation; *ret_fact is the component that counts, or that does not. */
static enum step try_whole(const struct index *x, const struct input *in, const struct fact *whole, int64_t at_us,
                           const struct fact **ret_fact, struct outcome *out)
{
    static const char *const alone[] = {"it came without the systolic pressure of the same sample",
                                        "it came without the diastolic pressure of the same sample"};
    struct input bare = *in; /* its ranges are those of the mean */
    struct outcome part[PRESSURES];
    bare.hard.set = bare.soft.set = false;
    for (int p = PRESSURES; p-- > 0;) { /* the systolic one last: it stands for both */
        if (!whole->pressure.part[p])
            continue;
        *ret_fact = &x->fact[whole->pressure.part[p] - 1];
        enum step step = match_try(x, &bare, &in->code[whole->pressure.code[p]], *ret_fact, at_us, &part[p]);
        *out = part[p];
        if (step != STEP_USABLE)
            return step;
    }
    for (int p = 0; p < PRESSURES; p++)
        if (!whole->pressure.part[p])
            return lacks(STEP_VALUE, REASON_NO_VALUE, alone[p], out);
    if (whole->pressure.more)
        return lacks(STEP_VALUE, REASON_NO_VALUE, "its sample has one of the two pressures twice", out);
    return compute(x, in, part, out);
}

int match_pressures(struct index *x, const struct input *in, int64_t at_us, struct matching *m)
{
    x->matches++;
    for (size_t i = 0; i < in->codes; i++)
        for (const struct coding *k = in->code[i].part ? index_find(x, &in->code[i].code) : NULL; k;
             k = index_next(x, k, &in->code[i].code))
            if (is_part(&x->fact[k->fact]))
                note_part(x, k->fact, &in->code[i], i);
    for (size_t i = 0; i < in->codes; i++)
        for (const struct coding *k = in->code[i].part ? index_find(x, &in->code[i].code) : NULL; k;
             k = index_next(x, k, &in->code[i].code)) {
            struct fact *whole = is_part(&x->fact[k->fact]) ? whole_of(x, k->fact) : NULL;
            const struct fact *f = NULL;
            struct outcome out;
            if (!whole || whole->tried == x->matches)
                continue;
            whole->tried = x->matches;
            enum step step = try_whole(x, in, whole, at_us, &f, &out);
            if (match_weigh(x, in, f, step, &out, m))
                return -1;
        }
    return 0;
}
