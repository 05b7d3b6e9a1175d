/* fhirpath_parse.c -- tokens to a tree: a recursive descent with precedences, everything that can be decided without a
 * document being decided here: names hashed, types and functions found, literals made. */
#include <stdio.h>

#include "base/own.h"
#include "fhir/fhirpath_int.h"
#include "fhir/fhirpath_lex_int.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/fhirpath_unit_int.h"
#include "fhir/regex_int.h"

struct parser {
    struct fp_lexer lex;
    struct fp_token t; /* the token at hand */
    struct arena *arena;
    struct fhirpath *x;
    struct fp_node *node;
    struct fp_step *step;
    struct fp_type *type;
    struct fhirpath_item *literal;
    struct regex **regex;
    uint32_t nodes, steps, types, literals, regexes;
    int depth;
    bool failed; /* the fault is told, or memory is out */
};

static uint32_t expression(struct parser *p, int least);

/* --- building --- */

static uint32_t fail(struct parser *p)
{
    p->failed = true;
    return 0;
}

/* Room for item n of a list that grows at powers of two. */
static void *room(struct parser *p, void *list, uint32_t n, size_t size)
{
    if (n & (n - 1))
        return list;
    void *more = arena_grow(p->arena, n ? list : NULL, n * size, (n ? 2 * n : 1) * size);
    if (!more)
        p->failed = true;
    return more;
}

static uint8_t depth_of(const struct parser *p, uint32_t at)
{
    return at ? p->node[at].depth : 0;
}

static uint32_t add_node(struct parser *p, struct fp_node n)
{
    struct fp_node *list = p->failed ? NULL : room(p, p->node, p->nodes, sizeof *list);
    if (!list)
        return 0;
    p->node = list;
    unsigned deep = depth_of(p, n.a) > depth_of(p, n.b) ? depth_of(p, n.a) : depth_of(p, n.b);
    for (uint32_t k = n.op == FP_CALL ? n.b : 0; k; k = p->node[k].next)
        deep = depth_of(p, k) > deep ? depth_of(p, k) : deep;
    if (deep >= FHIRPATH_DEPTH) {
        fp_lex_fail(&p->lex, n.off, "found an expression nested more than %d deep", FHIRPATH_DEPTH);
        return fail(p);
    }
    n.depth = (uint8_t)(deep + 1);
    p->node[p->nodes] = n;
    return p->nodes++;
}

static uint32_t add_literal(struct parser *p, uint32_t off, struct fhirpath_item x)
{
    struct fhirpath_item *list = p->failed ? NULL : room(p, p->literal, p->literals, sizeof *list);
    if (!list)
        return 0;
    p->literal = list;
    p->literal[p->literals] = x;
    return add_node(p, (struct fp_node){.op = FP_LITERAL, .off = off, .data = p->literals++});
}

static uint32_t add_type(struct parser *p, struct fp_type t)
{
    struct fp_type *list = p->failed ? NULL : room(p, p->type, p->types, sizeof *list);
    if (!list)
        return 0;
    p->type = list;
    p->type[p->types] = t;
    return p->types++;
}

static uint16_t extra_hash(struct parser *p, struct slice name)
{
    char *z = arena_printf(p->arena, "_%.*s", SLICE_FMT(name));
    if (!z)
        return (uint16_t)fail(p);
    return json_hash(z, name.n + 1);
}

/* FHIRPATH_STRICT: what `as` or ofType() made of a type must have the name. */
static bool has_name(const struct parser *p, uint32_t a, struct slice name)
{
    while (a && p->node[a].op == FP_PLUS && p->node[a].data)
        a = p->node[a].a;
    const struct fp_node *n = &p->node[a];
    bool typed = n->op == FP_AS || (n->op == FP_CALL && (n->fn == FN_AS || n->fn == FN_OF_TYPE));
    if (!(p->x->flags & FHIRPATH_STRICT) || !typed)
        return true;
    const struct fp_type *t = &p->type[n->data];
    return (t->family != FP_SHAPE && t->family != FP_QUANTITY_TYPE) || fp_shape_has(t->shape, name);
}

static uint32_t add_step(struct parser *p, uint32_t a, bool first, const struct fp_token *t)
{
    struct fp_step *list = p->failed ? NULL : room(p, p->step, p->steps, sizeof *list);
    struct fp_type type;
    if (!list)
        return 0;
    if (!has_name(p, a, t->text)) {
        fp_lex_fail(&p->lex, t->off, "found %.*s, which that type does not have as an element",
                    (int)(t->text.n > 60 ? 60 : t->text.n), t->text.p);
        return fail(p);
    }
    p->step = list;
    struct fp_step s = {.name = t->text, .hash = json_hash(t->text.p, t->text.n), .first = first};
    s.extra = extra_hash(p, t->text);
    s.choice = fp_name_is_choice(t->text);
    if (first && t->text.n && t->text.p[0] >= 'A' && t->text.p[0] <= 'Z' && fp_type_find(SLICE("FHIR"), t->text, &type))
        s.type = add_type(p, type);
    p->step[p->steps] = s;
    return add_node(p, (struct fp_node){.op = FP_STEP, .a = a, .off = t->off, .data = p->steps++});
}

/* --- tokens --- */

static void advance(struct parser *p)
{
    if (!p->failed && fp_lex(&p->lex, &p->t))
        p->failed = true;
}

static bool is_symbol(const struct parser *p, const char *z)
{
    return !p->failed && p->t.kind == TOKEN_SYMBOL && slice_is(p->t.text, z);
}

static bool is_word(const struct parser *p, const char *z)
{
    return !p->failed && p->t.kind == TOKEN_NAME && slice_is(p->t.text, z);
}

static bool accept(struct parser *p, const char *z)
{
    if (!is_symbol(p, z))
        return false;
    advance(p);
    return true;
}

static uint32_t unexpected(struct parser *p, const char *expected)
{
    struct slice found = {p->lex.all.p + p->t.off, p->t.len > 40 ? 40 : p->t.len};
    if (p->failed)
        return 0;
    if (p->t.kind == TOKEN_END)
        fp_lex_fail(&p->lex, p->t.off, "found the end of the expression, expected %s", expected);
    else
        fp_lex_fail(&p->lex, p->t.off, "found %.*s, expected %s", SLICE_FMT(found), expected);
    return fail(p);
}

static void expect(struct parser *p, const char *z)
{
    char quoted[8];
    snprintf(quoted, sizeof quoted, "'%s'", z);
    if (!accept(p, z))
        unexpected(p, quoted);
}

/* Words that are operators cannot begin a path; as, is, in and contains are names there, too. */
static bool is_name(const struct parser *p)
{
    static const char *const words[] = {"and", "or", "xor", "implies", "div", "mod"};
    if (p->failed || (p->t.kind != TOKEN_NAME && p->t.kind != TOKEN_QUOTED))
        return false;
    for (size_t i = 0; p->t.kind == TOKEN_NAME && i < COUNT(words); i++)
        if (slice_is(p->t.text, words[i]))
            return false;
    return true;
}

/* --- terms --- */

/* A type's name, FHIR.Patient or Patient: its index. */
static uint32_t type_name(struct parser *p)
{
    struct fp_token first = p->t, second = {.kind = TOKEN_END};
    struct fp_type t;
    if (!is_name(p))
        return unexpected(p, "the name of a type");
    advance(p);
    if (accept(p, ".")) {
        second = p->t;
        if (!is_name(p))
            return unexpected(p, "the name of a type");
        advance(p);
    }
    bool both = second.kind != TOKEN_END;
    struct slice name = both ? second.text : first.text;
    if (p->failed)
        return 0;
    if (!fp_type_find(both ? first.text : (struct slice){"", 0}, name, &t)) {
        fp_lex_fail(&p->lex, first.off, "found %.60s%.*s, expected the name of a type of FHIR R4 or System",
                    both ? "a name with a dot: " : "", (int)(name.n > 60 ? 60 : name.n), name.p);
        return fail(p);
    }
    return add_type(p, t);
}

static int function_named(struct slice name, unsigned *least, unsigned *most)
{
    static const struct {
        const char *name;
        unsigned least, most;
    } all[] = {
#define FN(id, name, least, most, function) {name, least, most},
#include "fhir/fhirpath_functions.def"
#undef FN
    };
    for (int i = 0; i < FP_FUNCTIONS; i++)
        if (slice_is(name, all[i].name)) {
            *least = all[i].least;
            *most = all[i].most;
            return i;
        }
    return -1;
}

static uint32_t type_call(struct parser *p, struct fp_node call)
{
    call.data = type_name(p);
    expect(p, ")");
    return add_node(p, call);
}

/* p->t behind '('. */
static uint32_t arguments(struct parser *p, struct fp_node call, unsigned least, unsigned most, struct slice name)
{
    uint32_t last = 0;
    while (!p->failed && !is_symbol(p, ")")) {
        uint32_t one = expression(p, 1);
        if (p->failed)
            return 0;
        /* a literal or path may be shared by nobody, so its link is free */
        if (last)
            p->node[last].next = one;
        else
            call.b = one;
        last = one;
        call.args++;
        if (call.args == 255 || !accept(p, ","))
            break;
        if (is_symbol(p, ")"))
            return unexpected(p, "an argument");
    }
    if (!p->failed && !is_symbol(p, ")"))
        return unexpected(p, "')' or ','");
    if (!p->failed && (call.args < least || call.args > most)) {
        fp_lex_fail(&p->lex, call.off, "found %u arguments of %.*s(), expected %s %u", call.args, SLICE_FMT(name),
                    call.args < least ? "at least" : "at most", call.args < least ? least : most);
        return fail(p);
    }
    advance(p);
    return add_node(p, call);
}

/* A pattern that is a literal is compiled once. */
static void prepare_regex(struct parser *p, uint32_t at)
{
    const struct fp_node *arg = &p->node[p->node[at].b];
    if (arg->op != FP_LITERAL || p->literal[arg->data].kind != FHIRPATH_STRING)
        return;
    const char *what;
    struct regex **list = room(p, p->regex, p->regexes, sizeof *list);
    if (!list)
        return;
    p->regex = list;
    p->regex[p->regexes] = regex_compile(p->literal[arg->data].text, p->arena, &what);
    if (!p->regex[p->regexes]) {
        if (what)
            fp_lex_fail(&p->lex, arg->off, "found %s", what);
        fail(p);
        return;
    }
    p->node[at].data = p->regexes++;
}

/* Are first(), tail(), [0] and their like of what has no order? */
static bool unordered(struct parser *p, uint32_t a, int fn)
{
    static const int wants_order[] = {FN_FIRST, FN_LAST, FN_TAIL, FN_SKIP, FN_TAKE};
    bool wants = fn < 0;
    for (size_t i = 0; i < COUNT(wants_order); i++)
        wants |= fn == wants_order[i];
    return wants && (p->x->flags & FHIRPATH_STRICT) && a && p->node[a].op == FP_CALL &&
           (p->node[a].fn == FN_CHILDREN || p->node[a].fn == FN_DESCENDANTS);
}

static uint32_t call(struct parser *p, uint32_t a, const struct fp_token *name)
{
    unsigned least = 0, most = 0;
    int fn = function_named(name->text, &least, &most);
    if (fn < 0) {
        fp_lex_fail(&p->lex, name->off, "found %.*s(), which is no function here, expected one such as exists()",
                    (int)(name->text.n > 60 ? 60 : name->text.n), name->text.p);
        return fail(p);
    }
    if (unordered(p, a, fn)) {
        fp_lex_fail(&p->lex, name->off, "found %.*s() of children that have no order", SLICE_FMT(name->text));
        return fail(p);
    }
    struct fp_node n = {.op = FP_CALL, .fn = (uint8_t)fn, .a = a, .off = name->off};
    if (fn == FN_IS || fn == FN_AS || fn == FN_OF_TYPE)
        return type_call(p, n);
    uint32_t made = arguments(p, n, least, most, name->text);
    if (made && (fn == FN_MATCHES || fn == FN_MATCHES_FULL || fn == FN_REPLACE_MATCHES))
        prepare_regex(p, made);
    return made;
}

static uint32_t dollar(struct parser *p)
{
    struct fp_token t = p->t;
    advance(p);
    enum fp_op op = slice_is(t.text, "this")    ? FP_THIS
                    : slice_is(t.text, "index") ? FP_INDEX
                    : slice_is(t.text, "total") ? FP_TOTAL
                                                : FP_NONE;
    if (op == FP_NONE && !p->failed) {
        fp_lex_fail(&p->lex, t.off, "found $%.*s, expected $this, $index or $total",
                    (int)(t.text.n > 40 ? 40 : t.text.n), t.text.p);
        return fail(p);
    }
    return add_node(p, (struct fp_node){.op = (uint8_t)op, .off = t.off});
}

/* A name or a call, of `a`; or $this and its kin. */
static uint32_t invocation(struct parser *p, uint32_t a, bool first)
{
    struct fp_token t = p->t;
    if (t.kind == TOKEN_DOLLAR) /* behind a path, too, it is the item of the loop and not the path's */
        return dollar(p);
    if (first ? !is_name(p) : p->failed || (t.kind != TOKEN_NAME && t.kind != TOKEN_QUOTED))
        return unexpected(p, "a name or a function");
    advance(p);
    if (accept(p, "("))
        return call(p, a, &t);
    return add_step(p, a, first, &t);
}

static uint32_t text_literal(struct parser *p, uint32_t off, const char *before, struct slice name)
{
    char *z = arena_printf(p->arena, "%s%.*s", before, SLICE_FMT(name));
    if (!z)
        return fail(p);
    return add_literal(p, off, (struct fhirpath_item){.kind = FHIRPATH_STRING, .text = slice_of(z)});
}

/* FHIR R4 2.9.1.7. */
static uint32_t percent(struct parser *p)
{
    static const struct {
        const char *name;
        enum fp_variable variable;
        const char *text;
    } known[] = {{"resource", FP_VAR_RESOURCE, NULL},  {"rootResource", FP_VAR_ROOT, NULL},
                 {"context", FP_VAR_CONTEXT, NULL},    {"ucum", 0, "http://unitsofmeasure.org"},
                 {"sct", 0, "http://snomed.info/sct"}, {"loinc", 0, "http://loinc.org"}};
    struct fp_token t = p->t;
    struct slice rest = {t.text.p + 3, t.text.n > 3 ? t.text.n - 3 : 0};
    advance(p);
    for (size_t i = 0; i < COUNT(known); i++)
        if (slice_is(t.text, known[i].name)) {
            if (known[i].text)
                return text_literal(p, t.off, known[i].text, (struct slice){"", 0});
            return add_node(p, (struct fp_node){.op = FP_VARIABLE, .off = t.off, .data = known[i].variable});
        }
    if (slice_starts(t.text, "vs-"))
        return text_literal(p, t.off, "http://hl7.org/fhir/ValueSet/", rest);
    if (slice_starts(t.text, "ext-"))
        return text_literal(p, t.off, "http://hl7.org/fhir/StructureDefinition/",
                            (struct slice){t.text.p + 4, t.text.n - 4});
    if (!p->failed)
        fp_lex_fail(&p->lex, t.off,
                    "found %%%.*s, expected %%resource, %%rootResource, %%context, %%ucum, %%sct, %%loinc, "
                    "%%`vs-...` or %%`ext-...`",
                    (int)(t.text.n > 40 ? 40 : t.text.n), t.text.p);
    return fail(p);
}

/* A number, alone or as a quantity: 4 'mg', 3 days. */
static uint32_t number(struct parser *p)
{
    struct fp_token t = p->t;
    struct fhirpath_item x = {.kind = FHIRPATH_DECIMAL};
    struct num n;
    int64_t whole;
    if (!num_parse(t.text, &n)) {
        fp_lex_fail(&p->lex, t.off, "found a number of too many digits, expected at most %d", NUM_MOST);
        return fail(p);
    }
    bool point = memchr(t.text.p, '.', t.text.n) != NULL;
    if (t.text.n > 1 && t.text.p[0] == '0' && t.text.p[1] != '.') { /* 007 is no number of JSON */
        t.text = num_text(&n, p->arena);
        if (!t.text.p)
            return fail(p);
    }
    x.text = t.text;
    advance(p);
    struct slice calendar =
        !p->failed && p->t.kind == TOKEN_NAME ? unit_calendar(p->t.text, NULL) : (struct slice){NULL, 0};
    if (!p->failed && (p->t.kind == TOKEN_STRING || calendar.p)) {
        struct fhirpath_quantity *q = TAKE_NEW(p->arena, struct fhirpath_quantity);
        if (!q)
            return fail(p);
        *q = (struct fhirpath_quantity){t.text, calendar.p ? calendar : p->t.text, calendar.p != NULL};
        advance(p);
        x.kind = FHIRPATH_QUANTITY;
        x.quantity = q;
    } else if (!point) {
        if (!num_int(&n, &whole) || whole > INT32_MAX) {
            fp_lex_fail(&p->lex, t.off, "found a whole number above 2147483647, expected a decimal, with a point");
            return fail(p);
        }
        x.kind = FHIRPATH_INTEGER;
        x.number = whole;
    }
    return add_literal(p, t.off, x);
}

static uint32_t text(struct parser *p, enum fhirpath_kind kind)
{
    struct fp_token t = p->t;
    advance(p);
    return add_literal(p, t.off, (struct fhirpath_item){.kind = (uint8_t)kind, .text = t.text});
}

static uint32_t parenthesis(struct parser *p)
{
    uint32_t off = p->t.off;
    advance(p);
    uint32_t inner = expression(p, 1);
    expect(p, ")");
    /* (a) and a differ where a is a path that begins with a type's name; a node of its own keeps them apart */
    return add_node(p, (struct fp_node){.op = FP_PLUS, .a = inner, .off = off, .data = 1});
}

static uint32_t term(struct parser *p)
{
    uint32_t off = p->t.off;
    if (p->failed)
        return 0;
    if (is_word(p, "true") || is_word(p, "false")) {
        bool yes = is_word(p, "true");
        advance(p);
        return add_literal(p, off, (struct fhirpath_item){.kind = FHIRPATH_BOOLEAN, .yes = yes});
    }
    if (is_symbol(p, "("))
        return parenthesis(p);
    if (accept(p, "{")) {
        expect(p, "}");
        return add_node(p, (struct fp_node){.op = FP_EMPTY, .off = off});
    }
    switch (p->t.kind) {
    case TOKEN_NAME:
    case TOKEN_QUOTED:
    case TOKEN_DOLLAR: return invocation(p, 0, true);
    case TOKEN_STRING: return text(p, FHIRPATH_STRING);
    case TOKEN_NUMBER: return number(p);
    case TOKEN_DATE: return text(p, FHIRPATH_DATE);
    case TOKEN_DATETIME: return text(p, FHIRPATH_DATETIME);
    case TOKEN_TIME: return text(p, FHIRPATH_TIME);
    case TOKEN_PERCENT: return percent(p);
    default: return unexpected(p, "a value, a path or a function");
    }
}

static uint32_t index_of(struct parser *p, uint32_t a)
{
    uint32_t off = p->t.off;
    advance(p);
    if (unordered(p, a, -1)) {
        fp_lex_fail(&p->lex, off, "found an index into children that have no order");
        return fail(p);
    }
    uint32_t b = expression(p, 1);
    expect(p, "]");
    return add_node(p, (struct fp_node){.op = FP_AT, .a = a, .b = b, .off = off});
}

/* term.name.fn()[0] */
static uint32_t path(struct parser *p)
{
    uint32_t a = term(p);
    while (!p->failed) {
        if (accept(p, "."))
            a = invocation(p, a, false);
        else if (is_symbol(p, "["))
            a = index_of(p, a);
        else
            break;
    }
    return a;
}

/* --- operators --- */

enum { TYPE_LEVEL = 8, UNARY_LEVEL = 11 };

static const struct {
    const char *text;
    bool word;
    uint8_t level, op;
} operators[] = {{"implies", true, 1, FP_IMPLIES}, {"or", true, 2, FP_OR},          {"xor", true, 2, FP_XOR},
                 {"and", true, 3, FP_AND},         {"in", true, 4, FP_IN},          {"contains", true, 4, FP_CONTAINS},
                 {"=", false, 5, FP_EQ},           {"!=", false, 5, FP_NE},         {"~", false, 5, FP_EQUIV},
                 {"!~", false, 5, FP_NOT_EQUIV},   {"<=", false, 6, FP_LE},         {"<", false, 6, FP_LT},
                 {">=", false, 6, FP_GE},          {">", false, 6, FP_GT},          {"|", false, 7, FP_UNION},
                 {"is", true, TYPE_LEVEL, FP_IS},  {"as", true, TYPE_LEVEL, FP_AS}, {"+", false, 9, FP_ADD},
                 {"-", false, 9, FP_SUB},          {"&", false, 9, FP_CAT},         {"*", false, 10, FP_MUL},
                 {"/", false, 10, FP_DIVIDE},      {"div", true, 10, FP_DIV},       {"mod", true, 10, FP_MOD}};

static int operator_at(const struct parser *p)
{
    for (size_t i = 0; i < COUNT(operators); i++)
        if (operators[i].word ? is_word(p, operators[i].text) : is_symbol(p, operators[i].text))
            return (int)i;
    return -1;
}

static uint32_t unary(struct parser *p)
{
    uint32_t off = p->t.off;
    bool minus = is_symbol(p, "-");
    if (!minus && !is_symbol(p, "+"))
        return path(p);
    advance(p);
    uint32_t a = expression(p, UNARY_LEVEL);
    return add_node(p, (struct fp_node){.op = minus ? FP_NEGATE : FP_PLUS, .a = a, .off = off});
}

/* Everything that binds at least as strongly as `least`; from left to right. */
static uint32_t expression(struct parser *p, int least)
{
    if (p->failed)
        return 0;
    if (++p->depth > FHIRPATH_DEPTH) {
        fp_lex_fail(&p->lex, p->t.off, "found an expression nested more than %d deep", FHIRPATH_DEPTH);
        return fail(p);
    }
    uint32_t a = unary(p);
    for (int i; !p->failed && (i = operator_at(p)) >= 0 && operators[i].level >= least;) {
        struct fp_node n = {.op = operators[i].op, .a = a, .off = p->t.off};
        advance(p);
        if (operators[i].level == TYPE_LEVEL)
            n.data = type_name(p);
        else
            n.b = expression(p, operators[i].level + 1);
        a = add_node(p, n);
    }
    p->depth--;
    return a;
}

static int parse(struct parser *p)
{
    add_node(p, (struct fp_node){.op = FP_NONE});
    add_type(p, (struct fp_type){.family = FP_NOTHING});
    p->regex = room(p, NULL, 0, sizeof(struct regex *));
    p->regexes = 1; /* regex 0 is none */
    advance(p);
    p->x->root = expression(p, 1);
    if (!p->failed && p->t.kind != TOKEN_END)
        unexpected(p, "an operator or the end of the expression");
    p->x->node = p->node;
    p->x->step = p->step;
    p->x->type = p->type;
    p->x->literal = p->literal;
    p->x->regex = p->regex;
    return p->failed ? -1 : 0;
}

int fhirpath_compile(struct slice expression_text, unsigned flags, struct arena *a, const struct fhirpath **ret,
                     struct fhirpath_fault *ret_fault)
{
    struct fhirpath_fault fault = {.line = 1, .column = 1};
    struct parser p = {.arena = a, .x = TAKE_NEW(a, struct fhirpath)};
    struct slice copy = arena_copy(a, expression_text);
    int failed = -1;
    p.lex = (struct fp_lexer){.all = copy, .arena = a, .fault = &fault};
    if (expression_text.n > FHIRPATH_LENGTH)
        fp_lex_fail(&p.lex, 0, "found an expression of %zu bytes, expected at most %d", expression_text.n,
                    FHIRPATH_LENGTH);
    else if (!utf8_valid(expression_text) || (expression_text.n && memchr(expression_text.p, 0, expression_text.n)))
        fp_lex_fail(&p.lex, 0, "found an expression that is not UTF-8, or has a NUL");
    else if (p.x && copy.p) {
        p.x->flags = flags;
        p.x->text = copy;
        failed = parse(&p);
    }
    if (!failed) {
        *ret = p.x;
        return 0;
    }
    if (copy.p && expression_text.n <= FHIRPATH_LENGTH)
        json_where(copy.p, copy.n, fault.off, &fault.line, &fault.column);
    *ret_fault = fault;
    return -1;
}
