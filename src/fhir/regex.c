#include "fhir/regex_int.h"

#include "fhir/text_int.h"

enum op { CHAR, ANY, SET, SPLIT, JUMP, BEGIN, END, WORD, NOT_WORD, SAVE, MATCH };

struct code {
    uint8_t op;
    bool negated;
    uint32_t x, y; /* CHAR: the code point; SET: first and number of its ranges; SPLIT, JUMP: where to, x first; SAVE:
                      2 * the group's number, + 1 at its end */
};

struct range {
    uint32_t low, high;
};

struct name {
    struct slice text;
    uint32_t group;
};

struct regex {
    struct code *code;
    struct range *range;
    struct name *name;
    uint32_t codes, ranges, names, groups;
};

/* The pattern as a tree first, because x{2,5} repeats the code of x. */
enum kind { N_EMPTY, N_CODE, N_SEQUENCE, N_EITHER, N_REPEAT };
struct tree {
    enum kind kind;
    struct code code;
    uint32_t a;        /* the first subtree */
    uint32_t next;     /* its sibling; NONE: the last */
    uint32_t min, max; /* N_REPEAT; UINT32_MAX: no end */
    bool lazy;
};

enum { NONE = UINT32_MAX };

struct maker {
    const char *p, *end;
    struct arena *arena;
    struct regex *x;
    struct tree *tree;
    uint32_t trees;
    int depth;
    const char *what;
    bool failed;
};

static uint32_t bad(struct maker *m, const char *what)
{
    if (!m->failed)
        m->what = what;
    m->failed = true;
    return 0;
}

/* Room for item n of a list that grows at powers of two; NULL: memory is out. */
static void *room(struct maker *m, void *list, size_t n, size_t size)
{
    if (n & (n - 1))
        return list;
    void *more = arena_grow(m->arena, n ? list : NULL, n * size, (n ? 2 * n : 1) * size);
    if (!more)
        bad(m, NULL);
    return more;
}

static uint32_t add_tree(struct maker *m, struct tree t)
{
    if (m->failed)
        return 0;
    struct tree *list = room(m, m->tree, m->trees, sizeof *list);
    if (!list)
        return 0;
    m->tree = list;
    m->tree[m->trees] = t;
    return m->trees++;
}

static uint32_t add_code(struct maker *m, enum op op, uint32_t x)
{
    return add_tree(m, (struct tree){.kind = N_CODE, .code = {.op = (uint8_t)op, .x = x}});
}

static uint32_t take(struct maker *m)
{
    unsigned n;
    uint32_t c = text_point(m->p, m->end, &n);
    m->p += n;
    return c;
}

static void add_range(struct maker *m, uint32_t low, uint32_t high)
{
    struct regex *x = m->x;
    struct range *list = room(m, x->range, x->ranges, sizeof *list);
    if (!list)
        return;
    x->range = list;
    x->range[x->ranges++] = (struct range){low, high};
}

/* The ranges of \d \w \s, or of their opposites. */
static bool add_class(struct maker *m, char c)
{
    static const struct range digit[] = {{'0', '9'}}, word[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}},
                              space[] = {{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x2028, 0x2029}};
    const struct range *r;
    size_t n;
    switch (c | 32) {
    case 'd': r = digit, n = 1; break;
    case 'w': r = word, n = 4; break;
    case 's': r = space, n = 4; break;
    default: return false;
    }
    uint32_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (c >= 'a')
            add_range(m, r[i].low, r[i].high);
        else if (r[i].low > from)
            add_range(m, from, r[i].low - 1);
        from = r[i].high + 1;
    }
    if (c < 'a')
        add_range(m, from, 0x10FFFF);
    return true;
}

static bool hex(struct maker *m, int n, uint32_t *ret)
{
    unsigned char byte[2];
    if (m->end - m->p < n || hex_decode((struct slice){m->p, (size_t)n}, byte, 2) != n / 2)
        return false;
    *ret = n == 4 ? (uint32_t)byte[0] << 8 | byte[1] : byte[0];
    m->p += n;
    return true;
}

/* m->p behind a backslash, at what stands for one character. */
static uint32_t escaped(struct maker *m)
{
    if (m->p == m->end)
        return bad(m, "a backslash at the end of the regular expression");
    uint32_t c = take(m), v;
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'f': return '\f';
    case 'v': return '\v';
    case '0': return 0;
    case 'u': return hex(m, 4, &v) ? v : bad(m, "\\u without four hexadecimal digits in a regular expression");
    case 'x': return hex(m, 2, &v) ? v : bad(m, "\\x without two hexadecimal digits in a regular expression");
    default:
        if ((c | 32) >= 'a' && (c | 32) <= 'z')
            return bad(m, "an escape that regular expressions do not have here");
        if (c >= '1' && c <= '9')
            return bad(m, "a back reference, which regular expressions do not have here");
        return c;
    }
}

static bool name_char(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* m->p behind '['. */
static uint32_t read_set(struct maker *m)
{
    struct tree t = {.kind = N_CODE, .code = {.op = SET, .x = m->x->ranges}};
    if (m->p < m->end && *m->p == '^')
        t.code.negated = true, m->p++;
    for (bool first = true;; first = false) {
        if (m->p == m->end)
            return bad(m, "a [ without its ] in a regular expression");
        if (*m->p == ']' && !first)
            break;
        uint32_t low = take(m), high;
        if (low == '\\') {
            if (m->p < m->end && add_class(m, *m->p)) {
                m->p++;
                continue;
            }
            low = m->p < m->end && *m->p == 'b' ? (m->p++, 8) : escaped(m);
        }
        high = low;
        if (m->end - m->p > 1 && m->p[0] == '-' && m->p[1] != ']') {
            m->p++;
            high = take(m);
            if (high == '\\')
                high = escaped(m);
        }
        if (high < low)
            return bad(m, "a range that runs backwards in a regular expression");
        add_range(m, low, high);
        if (m->failed)
            return 0;
    }
    m->p++;
    t.code.y = m->x->ranges - t.code.x;
    return add_tree(m, t);
}

static uint32_t read_class(struct maker *m)
{
    struct tree t = {.kind = N_CODE, .code = {.op = SET, .x = m->x->ranges}};
    add_class(m, *m->p++);
    t.code.y = m->x->ranges - t.code.x;
    return add_tree(m, t);
}

static uint32_t read_either(struct maker *m);

/* m->p behind "(?<": the name of group n. */
static void read_group_name(struct maker *m, uint32_t n)
{
    const char *close = memchr(m->p, '>', (size_t)(m->end - m->p));
    struct slice name = {m->p, close ? (size_t)(close - m->p) : 0};
    bool fits = name.n && !(name.p[0] >= '0' && name.p[0] <= '9');
    for (size_t i = 0; i < name.n; i++)
        fits &= name_char(name.p[i]);
    if (!fits) {
        bad(m, "(?<, which in regular expressions here begins the name of a group, as in (?<name>...)");
        return;
    }
    for (uint32_t i = 0; i < m->x->names; i++)
        if (slice_eq(m->x->name[i].text, name))
            bad(m, "two groups of one name in a regular expression");
    struct name *list = room(m, m->x->name, m->x->names, sizeof *list);
    struct slice copy = list ? arena_copy(m->arena, name) : (struct slice){NULL, 0};
    if (!copy.p) {
        bad(m, NULL);
        return;
    }
    m->x->name = list;
    list[m->x->names++] = (struct name){copy, n};
    m->p = close + 1;
}

/* m->p behind "("; the number of the group that begins, 0: it has none. */
static uint32_t read_group_kind(struct maker *m)
{
    size_t left = (size_t)(m->end - m->p);
    bool python = left > 2 && memcmp(m->p, "?P<", 3) == 0;
    if (left < 2 || m->p[0] != '?')
        return ++m->x->groups;
    if (m->p[1] == ':') {
        m->p += 2;
        return 0;
    }
    if (m->p[1] != '<' && !python)
        return bad(m, "(?, of which only (?: and (?<name> are known in regular expressions here");
    m->p += 2 + python;
    read_group_name(m, ++m->x->groups);
    return m->x->groups;
}

static uint32_t join(struct maker *m, enum kind kind, uint32_t list, uint32_t *last, uint32_t one);

static uint32_t read_group(struct maker *m)
{
    uint32_t group = read_group_kind(m), last = NONE, list;
    if (++m->depth > REGEX_DEPTH)
        return bad(m, "a regular expression nested too deep");
    uint32_t t = read_either(m);
    m->depth--;
    if (m->p == m->end || *m->p != ')')
        return bad(m, "a ( without its ) in a regular expression");
    m->p++;
    if (!group)
        return t;
    list = join(m, N_SEQUENCE, NONE, &last, add_code(m, SAVE, 2 * group));
    join(m, N_SEQUENCE, list, &last, t);
    join(m, N_SEQUENCE, list, &last, add_code(m, SAVE, 2 * group + 1));
    return list;
}

static uint32_t read_atom(struct maker *m)
{
    uint32_t c = take(m);
    switch (c) {
    case '(': return read_group(m);
    case '[': return read_set(m);
    case '.': return add_code(m, ANY, 0);
    case '^': return add_code(m, BEGIN, 0);
    case '$': return add_code(m, END, 0);
    case '*':
    case '+':
    case '?': return bad(m, "a repetition of nothing in a regular expression");
    case '\\':
        if (m->p < m->end && (*m->p == 'b' || *m->p == 'B'))
            return add_code(m, *m->p++ == 'b' ? WORD : NOT_WORD, 0);
        if (m->p < m->end && strchr("dDwWsS", *m->p))
            return read_class(m);
        return add_code(m, CHAR, escaped(m));
    default: return add_code(m, CHAR, c);
    }
}

/* {n}, {n,} or {n,m} at m->p; anything else is text. */
static bool read_counts(struct maker *m, uint32_t *min, uint32_t *max)
{
    const char *close = memchr(m->p, '}', (size_t)(m->end - m->p));
    int64_t low, high;
    if (!close || *m->p != '{')
        return false;
    struct slice rest = {m->p + 1, (size_t)(close - m->p - 1)}, first = slice_cut(&rest, ',');
    if (!slice_int(first, 0, 1000, &low))
        return false;
    high = rest.p ? INT64_MAX : low;
    if (rest.n && !slice_int(rest, low, 1000, &high))
        return false;
    *min = (uint32_t)low;
    *max = high == INT64_MAX ? UINT32_MAX : (uint32_t)high;
    m->p = close + 1;
    return true;
}

static uint32_t read_repeat(struct maker *m)
{
    uint32_t t = read_atom(m);
    for (int n = 0; m->p < m->end && !m->failed; n++) {
        struct tree r = {.kind = N_REPEAT, .a = t, .min = 0, .max = UINT32_MAX};
        if (*m->p == '*')
            m->p++;
        else if (*m->p == '+')
            r.min = 1, m->p++;
        else if (*m->p == '?')
            r.max = 1, m->p++;
        else if (!read_counts(m, &r.min, &r.max))
            break;
        if (n == 4)
            return bad(m, "too many repetitions behind each other in a regular expression");
        if (m->p < m->end && *m->p == '?')
            r.lazy = true, m->p++;
        t = add_tree(m, r);
    }
    return t;
}

/* Joins `one` to the subtrees of `list` (NONE: there is none yet), of which `last` is the last. */
static uint32_t join(struct maker *m, enum kind kind, uint32_t list, uint32_t *last, uint32_t one)
{
    if (m->failed)
        return 0;
    m->tree[one].next = NONE;
    if (list == NONE)
        list = add_tree(m, (struct tree){.kind = kind, .a = one, .next = NONE});
    else
        m->tree[*last].next = one;
    *last = one;
    return list;
}

static uint32_t read_sequence(struct maker *m)
{
    uint32_t list = NONE, last = NONE;
    while (m->p < m->end && *m->p != '|' && *m->p != ')' && !m->failed)
        list = join(m, N_SEQUENCE, list, &last, read_repeat(m));
    return list == NONE ? add_tree(m, (struct tree){.kind = N_EMPTY}) : list;
}

static uint32_t read_either(struct maker *m)
{
    uint32_t last = NONE, list = join(m, N_EITHER, NONE, &last, read_sequence(m));
    while (m->p < m->end && *m->p == '|' && !m->failed) {
        m->p++;
        list = join(m, N_EITHER, list, &last, read_sequence(m));
    }
    return list;
}

/* --- the program --- */

static uint32_t emit(struct maker *m, struct code c)
{
    struct regex *x = m->x;
    if (x->codes >= REGEX_CODE)
        return bad(m, "a regular expression that is too long when its repetitions are written out");
    struct code *list = m->failed ? NULL : room(m, x->code, x->codes, sizeof *list);
    if (!list)
        return 0;
    x->code = list;
    x->code[x->codes] = c;
    return x->codes++;
}

static void make(struct maker *m, uint32_t at);

/* Its first way is into what follows it, or past it when lazy. */
static void set_split(struct maker *m, uint32_t at, uint32_t in, uint32_t past, bool lazy)
{
    if (m->failed)
        return;
    m->x->code[at].x = lazy ? past : in;
    m->x->code[at].y = lazy ? in : past;
}

static void make_repeat(struct maker *m, struct tree r)
{
    for (uint32_t i = 0; i < r.min && !m->failed; i++)
        make(m, r.a);
    if (r.max == UINT32_MAX) {
        uint32_t split = emit(m, (struct code){.op = SPLIT});
        make(m, r.a);
        emit(m, (struct code){.op = JUMP, .x = split});
        set_split(m, split, split + 1, m->x->codes, r.lazy);
        return;
    }
    uint32_t first = m->x->codes, step = 0;
    for (uint32_t i = r.min; i < r.max && !m->failed; i++) {
        uint32_t split = emit(m, (struct code){.op = SPLIT});
        make(m, r.a);
        step = m->x->codes - split;
    }
    for (uint32_t i = r.min, at = first; i < r.max && !m->failed; i++, at += step)
        set_split(m, at, at + 1, m->x->codes, r.lazy);
}

/* Each alternative but the last: split, itself, jump to the end. The jumps form a chain until the end is known. */
static void make_either(struct maker *m, uint32_t at)
{
    uint32_t chain = NONE;
    for (; m->tree[at].next != NONE && !m->failed; at = m->tree[at].next) {
        uint32_t split = emit(m, (struct code){.op = SPLIT});
        make(m, at);
        chain = emit(m, (struct code){.op = JUMP, .x = chain});
        set_split(m, split, split + 1, m->x->codes, false);
    }
    make(m, at);
    while (chain != NONE && !m->failed) {
        uint32_t before = m->x->code[chain].x;
        m->x->code[chain].x = m->x->codes;
        chain = before;
    }
}

/* Goes as deep as groups and their repetitions are nested. */
static void make(struct maker *m, uint32_t at)
{
    if (m->failed)
        return;
    struct tree t = m->tree[at];
    switch (t.kind) {
    case N_EMPTY: return;
    case N_CODE: emit(m, t.code); return;
    case N_SEQUENCE:
        for (uint32_t k = t.a; k != NONE && !m->failed; k = m->tree[k].next)
            make(m, k);
        return;
    case N_EITHER: make_either(m, t.a); return;
    case N_REPEAT: make_repeat(m, t); return;
    }
}

struct regex *regex_compile(struct slice pattern, struct arena *a, const char **what)
{
    struct maker m = {.p = pattern.p, .end = pattern.p + pattern.n, .arena = a, .x = TAKE_NEW(a, struct regex)};
    *what = NULL;
    if (!m.x)
        return NULL;
    uint32_t t = pattern.n > REGEX_TEXT ? bad(&m, "a regular expression of more than 4096 bytes") : read_either(&m);
    if (!m.failed && m.p != m.end)
        bad(&m, "a ) without its ( in a regular expression");
    make(&m, t);
    emit(&m, (struct code){.op = MATCH});
    *what = m.what;
    return m.failed ? NULL : m.x;
}

size_t regex_size(const struct regex *x)
{
    return x->codes;
}

uint32_t regex_groups(const struct regex *x)
{
    return x->groups;
}

uint32_t regex_group_named(const struct regex *x, struct slice name)
{
    for (uint32_t i = 0; i < x->names; i++)
        if (slice_eq(x->name[i].text, name))
            return x->name[i].group;
    return 0;
}

/* --- running --- */

/* A thread is where it is in the program and what its groups have matched: slots of positions, as in *ret of
 * regex_find. */
struct threads {
    uint32_t *pc;
    size_t *slot; /* `slots` of each */
    uint32_t n;
};

/* Of follow()'s way: a pc, or (slot > 0) the value that a slot had before a SAVE. */
struct step {
    uint32_t pc, slot;
    size_t value;
};

struct run {
    const struct regex *x;
    struct slice text;
    uint32_t *seen; /* by pc: the turn in which it was added */
    uint32_t turn, slots;
    struct step *stack;
    size_t *slot; /* of the thread that is being followed */
    int64_t steps;
};

static bool is_word(const struct run *r, size_t at)
{
    return at < r->text.n && name_char(r->text.p[at]);
}

static bool holds(const struct run *r, enum op op, size_t at)
{
    bool edge = (at > 0 && is_word(r, at - 1)) != is_word(r, at);
    return op == BEGIN ? at == 0 : op == END ? at == r->text.n : op == WORD ? edge : !edge;
}

static void add_thread(struct run *r, struct threads *l, uint32_t pc)
{
    l->pc[l->n] = pc;
    memcpy(l->slot + (size_t)l->n * r->slots, r->slot, r->slots * sizeof *r->slot);
    l->n++;
    r->steps -= r->slots / 2 - 1;
}

/* Adds where pc leads without reading, in the order of preference. Each pc once a turn. */
static void follow(struct run *r, struct threads *l, uint32_t first, size_t at)
{
    uint32_t depth = 0;
    r->stack[depth++].pc = first;
    while (depth) {
        const struct step s = r->stack[--depth];
        r->stack[depth] = (struct step){0, 0, 0};
        r->steps--;
        if (s.slot) {
            r->slot[s.slot] = s.value;
            continue;
        }
        if (r->seen[s.pc] == r->turn)
            continue;
        r->seen[s.pc] = r->turn;
        const struct code *c = &r->x->code[s.pc];
        switch (c->op) {
        case JUMP: r->stack[depth++].pc = c->x; break;
        case SPLIT:
            r->stack[depth++].pc = c->y;
            r->stack[depth++].pc = c->x;
            break;
        case BEGIN:
        case END:
        case WORD:
        case NOT_WORD:
            if (holds(r, (enum op)c->op, at))
                r->stack[depth++].pc = s.pc + 1;
            break;
        case SAVE:
            if (c->x < r->slots) {
                r->stack[depth++] = (struct step){0, c->x, r->slot[c->x]};
                r->slot[c->x] = at;
            }
            r->stack[depth++].pc = s.pc + 1;
            break;
        default: add_thread(r, l, s.pc);
        }
    }
}

static bool takes(const struct regex *x, const struct code *c, uint32_t point)
{
    if (c->op == CHAR)
        return c->x == point;
    if (c->op == ANY)
        return true;
    for (uint32_t i = c->x; i < c->x + c->y; i++)
        if (point >= x->range[i].low && point <= x->range[i].high)
            return !c->negated;
    return c->negated;
}

/* A thread that begins at `at`. */
static void begin(struct run *r, struct threads *l, size_t at)
{
    r->slot[0] = at;
    for (uint32_t i = 1; i < r->slots; i++)
        r->slot[i] = SIZE_MAX;
    follow(r, l, 0, at);
}

static bool make_room(struct run *r, struct threads *now, struct threads *next, struct arena *a)
{
    const size_t n = r->x->codes;
    *now = (struct threads){arena_take(a, n * sizeof *now->pc), arena_take(a, n * r->slots * sizeof *now->slot), 0};
    *next = (struct threads){arena_take(a, n * sizeof *next->pc), arena_take(a, n * r->slots * sizeof *next->slot), 0};
    r->seen = arena_take(a, n * sizeof *r->seen);
    r->stack = arena_take(a, (2 * n + 2) * sizeof *r->stack);
    r->slot = arena_take(a, r->slots * sizeof *r->slot);
    return now->pc && now->slot && next->pc && next->slot && r->seen && r->stack && r->slot;
}

/* All of `now` over the character at `at`. True: a match ends here, and is *ret. */
static bool turn(struct run *r, const struct regex_ask *ask, const struct threads *now, struct threads *next, size_t at,
                 size_t *ret)
{
    unsigned n = 0;
    const bool end = at >= r->text.n;
    const uint32_t c = end ? 0 : text_point(r->text.p + at, r->text.p + r->text.n, &n);
    r->turn++;
    r->steps -= now->n;
    next->n = 0;
    for (uint32_t i = 0; i < now->n; i++) {
        const struct code *k = &r->x->code[now->pc[i]];
        const size_t *slot = now->slot + (size_t)i * r->slots;
        if (k->op == MATCH && (!ask->full || end)) { /* those behind it are of less preference */
            memcpy(ret, slot, r->slots * sizeof *ret);
            ret[1] = at;
            return true;
        }
        if (k->op != MATCH && !end && takes(r->x, k, c)) {
            memcpy(r->slot, slot, r->slots * sizeof *r->slot);
            follow(r, next, now->pc[i] + 1, at + n);
        }
    }
    return false;
}

int regex_find(const struct regex *x, const struct regex_ask *ask, struct arena *a, int64_t *steps, size_t *ret)
{
    struct run r = {.x = x, .text = ask->text, .turn = 1, .slots = 2 * ask->groups + 2};
    struct threads now, next;
    bool found = false;
    r.steps = *steps - x->codes - (int64_t)x->codes * ask->groups / 4;
    *steps = r.steps;
    if (r.steps < 0)
        return 0;
    if (!make_room(&r, &now, &next, a))
        return -1;
    if (ask->full)
        begin(&r, &now, ask->from);
    for (size_t at = ask->from; r.steps >= 0;) {
        if (!ask->full && !found) /* a match that begins later is only wanted while there is none */
            begin(&r, &now, at);
        if (now.n == 0 && (found || ask->full))
            break;
        found |= turn(&r, ask, &now, &next, at, ret);
        if (at >= ask->text.n || (found && ask->any))
            break;
        unsigned n;
        text_point(ask->text.p + at, ask->text.p + ask->text.n, &n);
        at += n;
        const struct threads swap = now;
        now = next;
        next = swap;
    }
    *steps = r.steps;
    return found && r.steps >= 0;
}
