/* What a FHIR search asks for, as R4's search.html has it: parameters, modifiers, prefixes, partial dates, escapes; and resources
 * written from rows. */
#include "api/fhir_element.h"
#include "api/fhir_search.h"
#include "api/form.h"
#include "base/clock.h"
#include "test.h"

/* A search in one line: "family:exact=Rossi|... ;", faults as "!name", unknown ones as "?name", and how it is to be answered. */
static const char *told(enum face t, const char *query, struct arena *a)
{
    struct search s;
    struct buf b = buf_in(a, 1 << 16);
    CHECK_INT(search_read(t, slice_of(query), (struct slice){NULL, 0}, a, &s), 0);
    for (int i = 0; i < s.terms; i++) {
        const struct search_term *x = &s.term[i];
        static const char *const modifier[] = {"", ":exact", ":contains", ":missing", ":Patient"};
        buf_printf(&b, "%s%s=", search_param_row(x->param)->name, modifier[x->modifier]);
        if (x->modifier == SEARCH_MISSING)
            buf_str(&b, x->missing ? "yes" : "no");
        for (int k = 0; k < x->values; k++) {
            const struct search_value *v = &x->value[k];
            buf_str(&b, k ? " or " : "");
            if (v->system.p)
                buf_printf(&b, "{%.*s}", SLICE_FMT(v->system));
            buf_printf(&b, "%.*s", (int)v->text.n, v->text.p ? v->text.p : "");
        }
        buf_byte(&b, ';');
    }
    for (int i = 0; i < s.faults; i++)
        buf_printf(&b, "!%.*s;", SLICE_FMT(s.fault[i].name));
    for (int i = 0; i < s.unknowns; i++)
        buf_printf(&b, "?%.*s;", SLICE_FMT(s.unknown[i]));
    if (s.sorted)
        buf_printf(&b, "%c%s;", s.descending ? '-' : '+', search_param_row(s.sort)->name);
    if (s.count != SEARCH_COUNT || s.only_count)
        buf_printf(&b, "%d%s;", s.count, s.only_count ? " counted" : "");
    buf_byte(&b, 0);
    return b.p;
}

TEST(a_search_is_its_terms_and_what_is_not_understood_is_told_by_name)
{
    static const struct {
        enum face t;
        const char *query, *told;
    } row[] = {
        {FACE_Patient, "", ""},
        {FACE_Patient, "family=Rossi&given=Anna", "family=Rossi;given=Anna;"},
        {FACE_Patient, "family:exact=Rossi&name:contains=a", "family:exact=Rossi;name:contains=a;"},
        {FACE_Patient, "family=a,b%2Cc", "family=a or b or c;"}, /* what is escaped for an address is not escaped for FHIR */
        {FACE_Patient, "family=a%5C,b,c", "family=a,b or c;"},
        {FACE_Patient, "family=a\\,b", "family=a,b;"},
        {FACE_Patient, "family=a\\$\\|\\\\b", "family=a$|\\b;"},
        {FACE_Patient, "family=a\\b", "!family;"},
        {FACE_Patient, "family=a\\", "!family;"},
        {FACE_Patient, "family=", "!family;"},
        {FACE_Patient, "family", "!family;"},
        {FACE_Patient, "family=a,,b", "!family;"},
        {FACE_Patient, "family=D%27Amico+Neri", "family=D'Amico Neri;"},
        {FACE_Patient, "family=%ff", "!family;"},
        {FACE_Patient, "family=a%00b", "!family;"},
        {FACE_Patient, "family:below=a", "!family:below;"},
        {FACE_Patient, "family:=a", "!family:;"},
        {FACE_Patient, "birthdate:missing=true", "birthdate:missing=yes;"},
        {FACE_Patient, "birthdate:missing=false", "birthdate:missing=no;"},
        {FACE_Patient, "birthdate:missing=x", "!birthdate:missing;"},
        {FACE_Patient, "family:missing=true", "!family:missing;"},
        {FACE_Patient, "identifier=X", "identifier=X;"},
        {FACE_Patient, "identifier=s|X", "identifier={s}X;"},
        {FACE_Patient, "identifier=|X", "identifier={}X;"},
        {FACE_Patient, "identifier=s|", "identifier={s};"},
        {FACE_Patient, "identifier=s\\|t|X\\,Y", "identifier={s|t}X,Y;"},
        {FACE_Patient, "identifier=|", "!identifier;"},
        {FACE_Patient, "nickname=x&_include=y&family=z", "family=z;?nickname;?_include;"},
        {FACE_Patient, "patient=1", "?patient;"},
        {FACE_Patient, "&&=x&family=z&", "family=z;"},
        {FACE_Task, "patient=7&subject:Patient=Patient/8", "patient=7;subject:Patient=8;"},
        {FACE_Task, "patient=http%3A%2F%2Fx%2FPatient%2F8", "!patient;"},
        {FACE_Task, "patient=Patient/", "!patient;"},
        {FACE_Task, "_sort=-authored-on", "-authored-on;"},
        {FACE_Task, "_sort=authored-on", "+authored-on;"},
        {FACE_Task, "_sort=authored-on,status", "!_sort;"},
        {FACE_Task, "_sort=status", "!_sort;"},
        {FACE_Task, "_sort=", "!_sort;"},
        {FACE_Task, "_count=0", "1 counted;"},
        {FACE_Task, "_count=7&_summary=count", "7 counted;"},
        {FACE_Task, "_count=99999", "100;"},
        {FACE_Task, "_count=x", "!_count;"},
        {FACE_Task, "_count=-1", "!_count;"},
        {FACE_Task, "_count=1&_count=1", "!_count;1;"},
        {FACE_Task, "_summary=true", "!_summary;"},
        {FACE_Task, "_total=sometimes", "!_total;"},
        {FACE_Task, "_format=json&_total=none", ""},
        {FACE_Task, "_format=xml", "!_format;"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        CHECK_STR(told(row[i].t, row[i].query, a), row[i].told);
    }
}

TEST(everything_has_a_limit)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct search s;
    struct buf b = buf_in(a, 1 << 20);
    struct slice none = {NULL, 0};
    for (int i = 0; i < SEARCH_TERMS + 3; i++)
        buf_printf(&b, "family=x%d&", i);
    CHECK_INT(search_read(FACE_Patient, buf_text(&b), none, a, &s), 0);
    CHECK_INT(s.terms, SEARCH_TERMS);
    CHECK_INT(s.faults, 3);
    b = buf_in(a, 1 << 20);
    buf_str(&b, "family=x");
    for (int i = 1; i < SEARCH_VALUES; i++)
        buf_str(&b, ",x");
    CHECK_INT(search_read(FACE_Patient, buf_text(&b), none, a, &s), 0);
    CHECK_INT(s.faults, 0);
    CHECK_INT(s.term[0].values, SEARCH_VALUES);
    buf_str(&b, ",x");
    CHECK_INT(search_read(FACE_Patient, buf_text(&b), none, a, &s), 0);
    CHECK_INT(s.faults, 1);
    for (int n = SEARCH_VALUE_MAX; n <= SEARCH_VALUE_MAX + 1; n++) {
        b = buf_in(a, 1 << 20);
        buf_str(&b, "family=");
        for (int i = 0; i < n; i++)
            buf_byte(&b, 'x');
        CHECK_INT(search_read(FACE_Patient, none, buf_text(&b), a, &s), 0);
        CHECK_INT(s.faults, n > SEARCH_VALUE_MAX);
    }
    b = buf_in(a, 1 << 20);
    while (b.n <= SEARCH_QUERY_MAX)
        buf_str(&b, "&&&&");
    CHECK_INT(search_read(FACE_Patient, buf_text(&b), none, a, &s), 0);
    CHECK_INT(s.faults, 1);
    b = buf_in(a, 1 << 20);
    for (int i = 0; i < 3 * SEARCH_FAULTS; i++)
        buf_printf(&b, "x%d=1&", i);
    CHECK_INT(search_read(FACE_Patient, buf_text(&b), none, a, &s), 0);
    CHECK_INT(s.unknowns, SEARCH_FAULTS);
}

static int64_t at(const char *text)
{
    int64_t us;
    CHECK(clock_parse(slice_of(text), &us, NULL));
    return us;
}

/* search.html, "date": the rows of its table, and days against partial dates. */
TEST(a_date_is_compared_as_the_range_that_it_names)
{
    static const struct {
        const char *date, *from, *until; /* what is there: [from, until) */
        bool fits;
    } row[] = {
        {"2013-01-14", "2013-01-14", "2013-01-15", true},
        {"2013-01-14", "2013-01-14T10:00:00Z", "2013-01-14T10:00:01Z", true},
        {"2013-01-14T10:00", "2013-01-14", "2013-01-15", false},
        {"2013-01-14T10:00", "2013-01-14T10:00:30Z", "2013-01-14T10:00:31Z", true},
        {"2013-01", "2013-01-14", "2013-01-15", true},              {"2013", "2013-12-31", "2014-01-01", true},
        {"2013", "2014-01-01", "2014-01-02", false},                {"eq2013", "2012-12-31", "2013-01-01", false},
        {"ne2013-01-14", "2013-01-14", "2013-01-15", false},        {"ne2013-01-14", "2013-01-15", "2013-01-16", true},
        {"ne2013-01-14T10:00", "2013-01-14", "2013-01-15", true},   {"lt2013-01-14", "2013-01-13", "2013-01-14", true},
        {"lt2013-01-14", "2013-01-14", "2013-01-15", false},        {"lt2013-01-14T10:00", "2013-01-14", "2013-01-15", true},
        {"gt2013-01-14", "2013-01-14", "2013-01-15", false},        {"gt2013-01-14", "2013-01-15", "2013-01-16", true},
        {"gt2013-01-14T10:00", "2013-01-14", "2013-01-15", true},   {"gt2013-01", "2013-01-31", "2013-02-01", false},
        {"ge2013-03-14", "2013-03-14", "2013-03-15", true},         {"ge2013-03-14", "2013-03-13", "2013-03-14", false},
        {"ge2013-03", "2013-03-01", "2013-03-02", true},            {"le2013-03-14", "2013-03-14", "2013-03-15", true},
        {"le2013-03-14", "2013-03-15", "2013-03-16", false},        {"le2013", "2013-12-31", "2014-01-01", true},
        {"sa2013-03-14", "2013-03-15", "2013-03-16", true},         {"sa2013-03-14T10:00", "2013-03-14", "2013-03-15", false},
        {"eb2013-03-14", "2013-03-13", "2013-03-14", true},         {"eb2013-03-14", "2013-03-14", "2013-03-15", false},
        {"2013-01-14T10:00:00+01:00", "2013-01-14T09:00:00Z", "2013-01-14T09:00:01Z", true},
        {"lt1950", "1949-12-31", "1950-01-01", true},               {"2012,2013", "2013-01-01", "2013-01-02", true},
        {"lt2012,gt2014", "2013-01-01", "2013-01-02", false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct buf b = buf_in(a, 256);
        struct search s;
        buf_str(&b, "birthdate=");
        for (struct slice rest = slice_of(row[i].date); rest.p;) {
            struct slice one = slice_cut(&rest, ',');
            form_escape(one, &b);
            buf_str(&b, rest.p ? "," : "");
        }
        CHECK_INT(search_read(FACE_Patient, buf_text(&b), (struct slice){NULL, 0}, a, &s), 0);
        CHECK_INT(s.faults, 0);
        if (search_date_fits(&s.term[0], at(row[i].from), at(row[i].until)) != row[i].fits)
            fail_msg("%s and %s to %s", row[i].date, row[i].from, row[i].until);
    }
    static const char *const wrong[] = {"ap2013", "xx2013", "2013-13", "2013-1", "2013-01-32", "gt", "20130114", "-2013", "yesterday",
                                        "2013-01-14T10", "2013-01-14T10:", "2013-01-14T10:61", "2013-01-14T10:00:"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        CHECK_STR(told(FACE_Patient, arena_printf(a, "birthdate=%s", wrong[i]), a), "!birthdate;");
    }
}

TEST(dates_that_all_hold_are_one_span_of_time)
{
    static const struct {
        const char *query, *since, *until, *not_from; /* NULL: open */
        bool can;
    } row[] = {
        {"", NULL, NULL, NULL, true},
        {"authored-on=2026-03", "2026-03-01", "2026-04-01", NULL, true},
        {"authored-on=ge2026-03&authored-on=lt2026-05", "2026-03-01", "2026-05-01", NULL, true},
        {"authored-on=gt2026-03&authored-on=le2026-05", "2026-04-01", "2026-06-01", NULL, true},
        {"authored-on=sa2026&authored-on=eb2028", "2027-01-01", "2028-01-01", NULL, true},
        {"authored-on=ne2026-03-02&authored-on=ge2026", "2026-01-01", NULL, "2026-03-02", true},
        {"authored-on=ge2027&authored-on=ge2026", "2027-01-01", NULL, NULL, true},
        {"authored-on=ne2026&authored-on=ne2027", NULL, NULL, NULL, false},
        {"authored-on=2026,2027", NULL, NULL, NULL, false},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct search_span x;
        struct search s;
        CHECK_INT(search_read(FACE_Task, slice_of(row[i].query), (struct slice){NULL, 0}, a, &s), 0);
        const char *wrong = search_span(&s, PARAM_Task_authored_on, &x);
        CHECK_INT(wrong == NULL, row[i].can);
        if (wrong)
            continue;
        CHECK(x.since == (row[i].since ? at(row[i].since) : INT64_MIN));
        CHECK(x.until == (row[i].until ? at(row[i].until) : INT64_MAX));
        CHECK(x.not_from == (row[i].not_from ? at(row[i].not_from) : 0));
    }
}

TEST(a_token_is_a_code_of_a_system_of_any_or_of_none)
{
    static const struct {
        const char *token, *system, *code;
        bool fits;
    } row[] = {
        {"a", "s", "a", true},      {"a", NULL, "a", true},  {"a", "s", "b", false},  {"a", "s", "A", false},
        {"s|a", "s", "a", true},    {"s|a", "t", "a", false}, {"s|a", NULL, "a", false}, {"|a", NULL, "a", true},
        {"|a", "s", "a", false},    {"s|", "s", "b", true},  {"s|", "t", "b", false},  {"x,s|a", "s", "a", true},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct search s;
        struct slice query = slice_of(arena_printf(a, "code=%s", row[i].token));
        CHECK_INT(search_read(FACE_Task, query, (struct slice){NULL, 0}, a, &s), 0);
        if (search_token_fits(&s.term[0], row[i].system, slice_of(row[i].code)) != row[i].fits)
            fail_msg("%s and %s", row[i].token, row[i].code);
    }
}

TEST(what_was_understood_reads_the_same_again)
{
    static const char *const row[] = {"family=a%5C%2Cb&_count=5", "identifier=s%7CX",
                                      "name:exact=M%C3%BCller+%26+S%C3%B6hne&_sort=-family",
                                      "birthdate=ge2026-01-01T00%3A00%3A00%2B01%3A00&family=100%25"};
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct search s;
        CHECK_INT(search_read(FACE_Patient, slice_of(row[i]), (struct slice){NULL, 0}, a, &s), 0);
        CHECK_INT(s.faults, 0);
        CHECK(s.tells);
        CHECK_STR(told(FACE_Patient, arena_str(a, s.self), a), told(FACE_Patient, row[i], a));
    }
}

TEST(a_resource_is_written_from_rows)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct buf b = buf_in(a, 4096);
    struct json_out o = json_out(&b);
    struct slice none = {NULL, 0};
    const struct element row[] = {
        {"id", ELEMENT_TEXT, SLICE("7"), NULL},
        {"meta.tag[].code", ELEMENT_TEXT, none, NULL},
        {"code.coding[].system", ELEMENT_TEXT, SLICE("s"), ""},
        {"code.coding[].code", ELEMENT_TEXT, SLICE("c"), NULL},
        {"code.text", ELEMENT_TEXT, SLICE("t"), "code"},
        {"name[].given[]", ELEMENT_TEXT, SLICE("A \"B\""), NULL},
        {"telecom[phone].system", ELEMENT_TEXT, SLICE("phone"), "telecom[phone]"},
        {"telecom[phone].value", ELEMENT_TEXT, none, NULL},
        {"telecom[email].system", ELEMENT_TEXT, SLICE("email"), "telecom[email]"},
        {"telecom[email].value", ELEMENT_TEXT, SLICE("x@y"), NULL},
        {"telecom[web].value", ELEMENT_TEXT, SLICE("z"), NULL},
        {"active", ELEMENT_RAW, SLICE("true"), NULL},
        {"a.b.c", ELEMENT_RAW, SLICE("1"), NULL},
        {"a.d", ELEMENT_RAW, SLICE("2"), NULL},
        {"gone.x", ELEMENT_TEXT, SLICE("fixed"), "gone"},
    };
    json_open(&o, '{');
    element_put(&o, row, COUNT(row));
    json_close(&o, '}');
    CHECK_SLICE(buf_text(&b), "{\"id\":\"7\",\"code\":{\"coding\":[{\"system\":\"s\",\"code\":\"c\"}],\"text\":\"t\"},"
                              "\"name\":[{\"given\":[\"A \\\"B\\\"\"]}],"
                              "\"telecom\":[{\"system\":\"email\",\"value\":\"x@y\"},{\"value\":\"z\"}],"
                              "\"active\":true,\"a\":{\"b\":{\"c\":1},\"d\":2}}");
}

RUN(T(a_search_is_its_terms_and_what_is_not_understood_is_told_by_name), T(everything_has_a_limit),
    T(a_date_is_compared_as_the_range_that_it_names), T(dates_that_all_hold_are_one_span_of_time),
    T(a_token_is_a_code_of_a_system_of_any_or_of_none), T(what_was_understood_reads_the_same_again),
    T(a_resource_is_written_from_rows))
