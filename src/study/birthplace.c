#include "study/birthplace.h"

#include "study/birthplace_int.h"
#include "study/letters.h"

static void tell(const struct place_row *row, struct birthplace *ret)
{
    bool area = row->area[0] != ' ';
    *ret = (struct birthplace){
        .code = {(char)('A' + row->code / 1000), (char)('0' + row->code / 100 % 10), (char)('0' + row->code / 10 % 10),
                 (char)('0' + row->code % 10)},
        .area = {area ? row->area[0] : 0, area ? row->area[1] : 0},
        .foreign = row->code / 1000 == 'Z' - 'A',
        .from = row->from ? PLACE_EPOCH + row->from : BIRTHPLACE_ALWAYS,
        .until = row->until == PLACE_STILL ? BIRTHPLACE_STILL : PLACE_EPOCH + row->until,
        .name = place_names + row->name,
    };
}

bool birthplace_was(const struct birthplace *p, int64_t day)
{
    return p->from <= day && day <= p->until;
}

int birthplace_find(struct slice code, struct birthplace *ret)
{
    if (code.n != 4 || code.p[0] < 'A' || code.p[0] > 'Z')
        return 0;
    unsigned want = (unsigned)(code.p[0] - 'A'), low = 0, high = place_count;
    for (size_t i = 1; i < 4; i++) {
        if (code.p[i] < '0' || code.p[i] > '9')
            return 0;
        want = want * 10 + (unsigned)(code.p[i] - '0');
    }
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (place_rows[mid].code < want)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == place_count || place_rows[low].code != want)
        return 0;
    tell(&place_rows[low], ret);
    return 1;
}

static const struct place_row *named(unsigned i)
{
    return &place_rows[place_by_name[i]];
}

static int order(struct slice beginning, unsigned i)
{
    return letters_order(beginning, slice_of(place_names + named(i)->name), true);
}

size_t birthplace_search(struct slice beginning, int64_t day, struct birthplace *ret, size_t most)
{
    struct letters all = letters_of(beginning, LETTERS_A), first = all;
    unsigned low = 0, high = place_count;
    size_t n = 0;
    while (letters_next(&all))
        ;
    if (all.strange || !letters_next(&first))
        return 0;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (order(beginning, mid) > 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < place_count && n < most && order(beginning, low) == 0; low++) {
        struct birthplace p;
        tell(named(low), &p);
        if (day == BIRTHPLACE_ANY_DAY || birthplace_was(&p, day))
            ret[n++] = p;
    }
    return n;
}
