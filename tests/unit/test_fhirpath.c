/* FHIRPath: what expressions answer on small documents, where wrong ones are wrong, and that everything has an end. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>

#include "fhir/fhirpath.h"
#include "fhir/fhirpath_num_int.h"
#include "fhir/regex_int.h"

#define PATIENT                                                                                                                  \
    "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"active\":true,\"birthDate\":\"1974-12-25\","                                  \
    "\"_birthDate\":{\"extension\":[{\"url\":\"urn:t\",\"valueDateTime\":\"1974-12-25T14:35:45-05:00\"}]},"                       \
    "\"multipleBirthInteger\":2,\"name\":[{\"use\":\"official\",\"family\":\"Chal\\u006Ders\",\"given\":[\"Peter\",\"James\"]},"  \
    "{\"given\":[null,\"Jim\"],\"_given\":[{\"extension\":[{\"url\":\"urn:x\",\"valueCode\":\"masked\"}]},null]}],"               \
    "\"managingOrganization\":{\"reference\":\"#o\"},\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\","             \
    "\"name\":\"Gastro\"}]}"
#define OBSERVATION                                                                                                              \
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"valueQuantity\":{\"value\":1.850e2,"       \
    "\"unit\":\"lbs\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"[lb_av]\"},\"component\":[{\"code\":{\"text\":\"a\"},"  \
    "\"valueQuantity\":{\"value\":5,\"comparator\":\"<\",\"unit\":\"g\"}},{\"code\":{\"text\":\"b\"},\"valueInteger\":3}]}"
#define BUNDLE                                                                                                                   \
    "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"fullUrl\":\"urn:uuid:1\",\"resource\":"                   \
    "{\"resourceType\":\"Patient\",\"id\":\"a\",\"gender\":\"female\"}},{\"fullUrl\":\"http://x/Observation/o\",\"resource\":"     \
    "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"urn:uuid:1\"},"\
    "\"performer\":[{\"reference\":\"Patient/a\"},{\"reference\":\"Patient/b\"}]}}]}"

struct answer {
    struct slice text; /* an item a line; of a fault: its text */
    int failed;
    struct fhirpath_fault fault;
};

static struct answer ask(struct arena *a, const char *expression, const char *document, unsigned flags, uint64_t steps)
{
    struct answer r = {.failed = -1};
    struct buf b = buf_in(a, 1 << 20);
    struct fhirpath_scope s;
    struct json j;
    struct json_fault bad;
    const struct fhirpath *x;
    const struct fhirpath_item *item;
    size_t n;
    CHECK_INT(json_parse(a, slice_of(document), &j, &bad), 0);
    CHECK_INT(fhirpath_scope_of(&j, 0, &s), 0);
    s.now_us = 1764374400000000; /* 2025-11-29T00:00:00Z */
    s.steps = steps;
    if (fhirpath_compile(slice_of(expression), flags, a, &x, &r.fault) || fhirpath_run(x, &s, a, &item, &n, &r.fault))
        return r;
    for (size_t i = 0; i < n; i++) {
        CHECK(fhirpath_write_json(&j, &item[i], &b));
        buf_str(&b, i + 1 < n ? "\n" : "");
    }
    r.failed = 0;
    r.text = buf_text(&b);
    return r;
}

struct row {
    const char *expression, *want;
};

static void check_rows(const char *document, unsigned flags, const struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 22);
        struct answer r = ask(a, row[i].expression, document, flags, 0);
        if (r.failed)
            fail_msg("%s: %u:%u %s", row[i].expression, r.fault.line, r.fault.column, r.fault.text);
        if (!slice_is(r.text, row[i].want))
            fail_msg("%s: got '%.*s', want '%s'", row[i].expression, SLICE_FMT(r.text), row[i].want);
    }
}
#define CHECK_ROWS(document, flags, rows) check_rows(document, flags, rows, COUNT(rows))

TEST(paths_go_through_both_halves_of_primitives)
{
    static const struct row row[] = {
        {"name.family", "\"Chal\\u006Ders\""},
        {"name.family = 'Chalmers'", "true"},
        {"name.given", "\"Peter\"\n\"James\"\n{\"extension\":[{\"url\":\"urn:x\",\"valueCode\":\"masked\"}]}\n\"Jim\""},
        {"name.given.hasValue()", "false"},
        {"name.given.select(hasValue())", "true\ntrue\nfalse\ntrue"},
        {"name.given.where(hasValue()).count()", "3"},
        {"name[1].given[0].extension.value", "\"masked\""},
        {"birthDate.extension('urn:t').value", "\"1974-12-25T14:35:45-05:00\""},
        {"birthDate.extension.url", "\"urn:t\""},
        {"multipleBirth", "2"},
        {"multipleBirth is integer", "true"},
        {"multipleBirth.ofType(boolean)", ""},
        {"Patient.active", "true"},
        {"Resource.id", "\"p1\""},
        {"DomainResource.id", "\"p1\""},
        {"Observation.id", ""},
        {"nothing", ""},
        {"children().count()", "8"},
        {"descendants().where($this is Extension).url", "\"urn:t\"\n\"urn:x\""},
        {"contained.name", "\"Gastro\""},
        {"managingOrganization.resolve().name", "\"Gastro\""},
        {"'#'.resolve().id", "\"p1\""},
        {"%resource.id | %rootResource.id | %context.id", "\"p1\""},
        {"`name`.`given`.first()", "\"Peter\""},
    };
    CHECK_ROWS(PATIENT, 0, row);
}

TEST(references_are_followed_inside_a_bundle)
{
    static const struct row row[] = {
        {"entry.resource.subject.resolve().gender", "\"female\""},
        {"entry.resource.performer.resolve().id", "\"a\""},
        {"'Observation/o'.resolve().status", "\"final\""},
        {"'http://x/Observation/o'.resolve().status", "\"final\""},
        {"'http://x/Observation/o/_history/1'.resolve().status", "\"final\""},
        {"'http://y/Observation/o'.resolve()", ""},
        {"'Patient'.resolve()", ""},
        {"''.resolve()", ""},
        {"entry.resource.ofType(Patient).id", "\"a\""},
        {"entry.first().resource.is(Patient)", "true"},
        {"entry.resource.select($this is DomainResource)", "true\ntrue"},
        {"entry.resource.where(status = 'final').count()", "1"},
        {"entry.resource.gender", "\"female\""},
        {"entry.resource.where(value.unit.exists())", ""},
        {"entry.repeat(resource | subject).count()", "3"},
    };
    CHECK_ROWS(BUNDLE, FHIRPATH_STRICT, row);
}

TEST(members_of_value_sets_are_known_where_a_binding_requires_them)
{
#define GENDERS  "memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')"
#define CODED(code) "{\"system\":\"http://hl7.org/fhir/administrative-gender\",\"code\":\"" code "\"}"
    static const char document[] =
        "{\"resourceType\":\"Patient\",\"gender\":\"male\",\"meta\":{\"tag\":[" CODED("male") "," CODED("m") ",{\"code\":\"male\"},"
        "{\"system\":\"http://hl7.org/fhir/administrative-gender\"}]},\"maritalStatus\":{\"coding\":[{\"code\":\"male\"}," CODED("other")
        "]},\"communication\":[{\"language\":{\"text\":\"x\"}}]}";
    static const struct row row[] = {
        {"gender." GENDERS, "true"},
        {"'mail'." GENDERS, "false"},
        {"gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1')", "true"},
        {"meta.tag.select(" GENDERS ")", "true\nfalse\nfalse\nfalse"},
        {"maritalStatus." GENDERS, "true"},
        {"communication.language." GENDERS, "false"},
        {"gender.memberOf('http://hl7.org/fhir/ValueSet/not-there')", ""},
        {"gender.memberOf('http://loinc.org/vs/LL379-9')", ""}, /* bound to, but its codes are not here */
        {"gender.memberOf('http://hl7.org/fhir/observation-status')", ""}, /* a code system */
        {"{}." GENDERS " | meta." GENDERS " | 1." GENDERS, ""},
        {"'text/plain'.memberOf('http://hl7.org/fhir/ValueSet/mimetypes')", "true"},
    };
    CHECK_ROWS(document, 0, row);
}

TEST(types_are_those_of_the_definitions)
{
    static const struct row row[] = {
        {"value is Quantity", "true"},
        {"value.type().name", "\"Quantity\""},
        {"component.type().name", "\"BackboneElement\"\n\"BackboneElement\""},
        {"component.first() is BackboneElement", "true"},
        {"component.first() is Element", "true"},
        {"status is code", "true"},
        {"status is string", "true"},
        {"status.ofType(string)", ""},
        {"status is System.String", "false"},
        {"status is FHIR.Period", "false"},
        {"'x' is String", "true"},
        {"1 is Integer and 1.0 is Decimal and (1 'mg') is Quantity", "true"},
        {"component.value.ofType(integer)", "3"},
        {"component.value.ofType(FHIR.Quantity).unit", "\"g\""},
        {"conformsTo('http://hl7.org/fhir/StructureDefinition/Observation')", "true"},
    };
    CHECK_ROWS(OBSERVATION, 0, row);
}

TEST(numbers_are_exact_and_keep_their_digits)
{
    static const struct row row[] = {
        {"0.1 + 0.2", "0.3"},
        {"1.50 + 1.5", "3.00"},
        {"1.10 * 2", "2.20"},
        {"1 / 3", "0.3333333333333333333333333333"},
        {"1 / 4", "0.25"},
        {"7 div 2", "3"},
        {"-7 div 2", "-3"},
        {"-7 mod 3", "-1"},
        {"5.5 mod 2", "1.5"},
        {"1 / 0", ""},
        {"1 div 0", ""},
        {"2147483647 + 1", ""},
        {"007.50", "7.50"},
        {"99999999999999999999.1 + 0.9", "100000000000000000000.0"},
        {"2.power(10)", "1024"},
        {"1.1.power(2)", "1.21"},
        {"2.sqrt()", "1.414213562373095"},
        {"16.sqrt()", "4"},
        {"(-1).sqrt()", ""},
        {"1.exp().round(5)", "2.71828"},
        {"1.25.round(1)", "1.3"},
        {"(-1.5).floor() | (-1.5).ceiling() | (-1.5).truncate() | (-1.5).abs()", "-2\n-1\n1.5"},
        {"1.0 = 1 and 1.0 ~ 1 and 1.00 = 1.0", "true"},
        {"0.67 ~ 2 / 3", "true"},
        {"1.587.lowBoundary() | 1.587.highBoundary(2)", "1.58650000\n1.59"},
    };
    CHECK_ROWS(PATIENT, 0, row);
}

TEST(quantities_compare_across_units)
{
    static const struct row row[] = {
        {"value", "{\"value\":1.850e2,\"unit\":\"lbs\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"[lb_av]\"}"},
        {"value = 185 '[lb_av]'", "true"},
        {"value > 83 'kg' and value < 84 'kg'", "true"},
        {"value = 185 'cm'", ""},
        {"component[0].value < 6 'g'", ""},
        {"component[0].value < component[0].value", ""},
        {"1 'mg/dL' = 10 'mg/L'", "true"},
        {"1 '10*3/uL' = 1 '10*9/L'", "true"},
        {"60 '/min' = 1 'Hz'", "true"},
        {"2 'mg{dry}' = 2 'mg'", "true"},
        {"1 'parsec' = 1 'parsec'", "true"},
        {"1 'parsec' = 2 'm'", ""},
        {"2 'cm' * 2 'm'", "{\"value\":0.04,\"unit\":\"m2\"}"},
        {"3 'mg' * 2", "{\"value\":6,\"unit\":\"mg\"}"},
        {"1 'g' + 1 'mg' = 1.001 'g'", "true"},
        {"3 'm' + 3 'cm'", "{\"value\":303,\"unit\":\"cm\"}"},
        {"1 'h' - 1 minute", "{\"value\":59,\"unit\":\"minute\"}"},
        {"1 year + 1 month", "{\"value\":13,\"unit\":\"month\"}"},
        {"100.4 '[degF]' > 38 'Cel' or 100.4 '[degF]' < 38 'Cel'", "false"},
        {"100.4 '[degF]' = 38 'Cel' and 311.15 'K' = 38.0 'Cel'", "true"},
        {"1 'Cel' + 1 '[degF]'", ""},
        {"4000 '/uL' = 4 '10*9/L' and 1 'kPa' > 7.5 'mm[Hg]'", "true"},
        {"1 'K/uL' = 1 '10*3/uL'", ""},
        {"1 '[IU]' = 1 '[arb\\'U]'", ""},
        {"4 'g' ~ 4040 'mg'", "true"},
        {"37.12 'Cel' ~ 37.1 'Cel'", "true"},
        {"98.6 '[degF]' ~ 37 'Cel'", "true"},
        {"6 'mg' / 2 'dL'", "{\"value\":30,\"unit\":\"g/m3\"}"},
        {"6 '/min' * 2 'h'", "{\"value\":720,\"unit\":\"1\"}"},
        {"2 'Cel' * 2 'm'", ""},
        {"2 'm' * 2 years", ""},
        {"1 year = 12 months", "true"},
        {"1 year = 1 'a'", ""},
        {"1 year ~ 1 'a' and 1 'mo' ~ 1 month and 1 year ~ 12 'mo'", "true"},
        {"1 year ~ 2 'a' or 1 month ~ 1 'm' or 2 years ~ 2 'mo'", "false"},
        {"'4days'.toQuantity()", "{\"value\":4,\"unit\":\"day\"}"},
        {"'-2.5\\'mg\\''.toQuantity()", "{\"value\":-2.5,\"unit\":\"mg\"}"},
        {"('1.'|'.5'|'+-1'|'1 mg'|'1e3'|'4 days ago'|'').select(convertsToQuantity()).anyTrue()", "false"},
        {"7 days = 1 week and 1 week = 1 'wk'", "true"},
        {"-5 'mg'", "{\"value\":-5,\"unit\":\"mg\"}"},
        {"'5 days'.toQuantity()", "{\"value\":5,\"unit\":\"day\"}"},
        {"'007 \\'mg\\''.toQuantity().toString()", "\"7 'mg'\""},
        {"(5 days).toString()", "\"5 days\""},
        {"1 'cm'.comparable(1 'm') and 1 'cm'.comparable(1 's').not()", "true"},
    };
    CHECK_ROWS(OBSERVATION, 0, row);
}

TEST(times_compare_and_add_to_their_precision)
{
    static const struct row row[] = {
        {"birthDate + 1 year", "\"1975-12-25\""},
        {"@2024-02-29 + 1 year", "\"2025-02-28\""},
        {"@2024-01-31 + 1 month", "\"2024-02-29\""},
        {"@2024 + 18 months", "\"2025\""},
        {"@2024-03 - 1 month", "\"2024-02\""},
        {"@2024-03 + 40 days", "\"2024-04\""},
        {"@2024-12-31T23:59:59.999Z + 1 'ms'", "\"2025-01-01T00:00:00.000Z\""},
        {"@T23:30 + 1 hour", "\"00:30\""},
        {"@2024 = @2024-01", ""},
        {"@2024 < @2025-01", "true"},
        {"@2024-01-01T00:00:00Z = @2024-01-01T01:00:00+01:00", "true"},
        {"@2024-01-01T00:00:00 < @2024-01-03T00:00:00Z", "true"},
        {"@2024-01-01T00:00:00 < @2024-01-01T01:00:00Z", ""},
        {"@2024-01-01T10:00:00.0 = @2024-01-01T10:00:00", "true"},
        {"@9999-12-31 + 1 day", ""},
        {"today()", "\"2025-11-29\""},
        {"now()", "\"2025-11-29T00:00:00.000Z\""},
        {"birthDate < today()", "true"},
        {"@2014.lowBoundary() | @2014-02.highBoundary()", "\"2014-01-01\"\n\"2014-02-28\""},
        {"@T10:30.highBoundary(9)", "\"10:30:59.999\""},
        {"'2024-02-30'.convertsToDate()", "false"},
    };
    CHECK_ROWS(PATIENT, 0, row);
}

TEST(logic_has_three_values_and_stops_early)
{
    static const struct row row[] = {
        {"true or (1 | 2)", "true"},
        {"false and (1 | 2)", "false"},
        {"false implies (1 | 2)", "true"},
        {"{} or {}", ""},
        {"{} and false", "false"},
        {"{} implies true", "true"},
        {"active and 'x'", "true"},
        {"iif(true, 1, (1 | 2).single())", "1"},
        {"(1 | 2 | 3).all($this > 0)", "true"},
        {"{}.all(false)", "true"},
        {"name.exists(given = 'Jim')", "false"},
        {"name.given.exists($this = 'Jim')", "true"},
        {"(1 | 2 | 3).where($index = 1)", "2"},
        {"(1 | 2 | 3).aggregate($this + $total, 0)", "6"},
        {"(3 | 1 | 2).sort(-$this)", "3\n2\n1"},
        {"(1 | 2).repeat(iif($this < 5, $this + 2))", "3\n4\n5\n6"},
        {"1 in (1 | 2) and ((1 | 2) contains 3).not()", "true"},
        {"(1 | 2 | 2 | 1.0).count()", "2"},
        {"('a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'a').count()", "9"},
        {"('a').combine('b').combine('a').isDistinct()", "false"},
    };
    CHECK_ROWS(PATIENT, 0, row);
}

TEST(strings_count_characters_and_match_in_linear_time)
{
    static const struct row row[] = {
        {"'h\\u00e4user'.length()", "6"},
        {"'h\\u00e4user'.substring(1, 2)", "\"\xC3\xA4u\""},
        {"'h\\u00e4user'.indexOf('user')", "2"},
        {"'h\\u00e4'.toChars()", "\"h\"\n\"\xC3\xA4\""},
        {"'abab'.lastIndexOf('ab')", "2"},
        {"'a.b'.matches('^a\\\\.b$')", "true"},
        {"'h\\u00e4'.matches('^h.$')", "true"},
        {"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX'.matches('^(a+)+$')", "false"},
        {"'2024-01'.replaceMatches('[0-9]+', '#')", "\"#-#\""},
        {"'abc'.replaceMatches('x*', '-')", "\"-a-b-c-\""},
        {"'11/30/1972'.replaceMatches('\\\\b(?<month>\\\\d{1,2})/(?<day>\\\\d{1,2})/(?<year>\\\\d{2,4})\\\\b', "
            "'${day}-${month}-${year}')", "\"30-11-1972\""},
        {"'John Smith'.replaceMatches('(\\\\w+) (\\\\w+)', '$2 $1')", "\"Smith John\""},
        {"'ab'.replaceMatches('(?P<x>a)|(b)', '[$<x>${2}|$0$&$12$3]')", "\"[a|aaa2$3][b|bb2$3]\""},
        {"'ab'.replaceMatches('(a)(?:b)', '$$1\\\\$1\\\\\\\\$1')", "\"$1$1\\\\a\""},
        {"'5 EUR'.replaceMatches('EUR', '$')", "\"5 $\""},
        {"'aab'.replaceMatches('(a)*b', '<$1>')", "\"<a>\""},
        {"'abcb'.replaceMatches('(a(b)?)+|c(b)', '<$1$2$3>')", "\"<abb><b>\""},
        {"'h\\u00e4\\uD83D\\uDE00'.length()", "3"},
        {"'\\uD83D\\uDE00'", "\"\xF0\x9F\x98\x80\""},
        {"'\\u00c4\\u03a3\\u0416'.lower() & '\\u00e4\\u03c3\\u0436\\u00ff'.upper()",
            "\"\xC3\xA4\xCF\x83\xD0\xB6\xC3\x84\xCE\xA3\xD0\x96\xC5\xB8\""},
        {"'\\u00c4b  c' ~ ' \\u00e4B\\tc ' and ' a' ~ 'a' and 'a' ~ 'a ' and '' ~ ' '", "true"},
        {"'a b' ~ 'ab' or ' ' ~ 'a' or 'a' ~ 'a b'", "false"},
        {"'abc'.replace('b', '')", "\"ac\""},
        {"'a,b,,c'.split(',').join('|')", "\"a|b||c\""},
        {"' x '.trim()", "\"x\""},
        {"'a\\'b'", "\"a'b\""},
        {"'AbC'.lower() & 'AbC'.upper()", "\"abcABC\""},
        {"'a' & {} & 'b'", "\"ab\""},
        {"'a' + {}", ""},
        {"'00'.decode('hex')", ""},
        {"('a' | 'b').select($this & ($this.length().$index + 1).toString() & name.given.$this)", "\"a1a\"\n\"b2b\""},
        {"'c3'.decode('hex')", ""},
    };
    CHECK_ROWS(PATIENT, 0, row);
}

TEST(a_wrong_expression_says_where_and_what_was_expected)
{
    static const struct {
        const char *expression;
        unsigned flags;
        uint32_t line, column;
        const char *text;
    } row[] = {
        {"", 0, 1, 1, "found the end of the expression, expected a value, a path or a function"},
        {"1 +", 0, 1, 4, "found the end of the expression, expected a value, a path or a function"},
        {"name.given(", 0, 1, 6, "found given(), which is no function here, expected one such as exists()"},
        {"name.where()", 0, 1, 6, "found 0 arguments of where(), expected at least 1"},
        {"name.count(1)", 0, 1, 6, "found 1 arguments of count(), expected at most 0"},
        {"name\n .as(Nothing)", 0, 2, 6, "found Nothing, expected the name of a type of FHIR R4 or System"},
        {"'abc", 0, 1, 1, "found a string that does not end, expected '"},
        {"'\\q'", 0, 1, 2, "found an escape that strings do not have, expected \\\\ \\/ \\' \\\" \\` \\f \\n \\r \\t or \\uXXXX"},
        {"'a\\uD83Dx'", 0, 1, 3,
            "found an escape that strings do not have, expected \\\\ \\/ \\' \\\" \\` \\f \\n \\r \\t or \\uXXXX"},
        {"'\\uDE00\\uD83D'", 0, 1, 2,
            "found an escape that strings do not have, expected \\\\ \\/ \\' \\\" \\` \\f \\n \\r \\t or \\uXXXX"},
        {"'a'.replaceMatches('(?<a>a)', '${b}')", 0, 1, 5,
            "found a substitution with a group that the regular expression does not name"},
        {"'a'.matches('(?=a)')", 0, 1, 13, "found (?, of which only (?: and (?<name> are known in regular expressions here"},
        {"'a'.matches('(?<!a)')", 0, 1, 13,
            "found (?<, which in regular expressions here begins the name of a group, as in (?<name>...)"},
        {"'a'.matches('(?<x>a)(?<x>b)')", 0, 1, 13, "found two groups of one name in a regular expression"},
        {"1 ; 2", 0, 1, 3, "found ';', which no expression has here"},
        {"name name", 0, 1, 6, "found name, expected an operator or the end of the expression"},
        {"$that", 0, 1, 1, "found $that, expected $this, $index or $total"},
        {"%nothing", 0, 1, 1,
            "found %nothing, expected %resource, %rootResource, %context, %ucum, %sct, %loinc, %`vs-...` or %`ext-...`"},
        {"@2024-13", 0, 1, 1,
            "found no date or time behind @, expected @YYYY-MM-DD, @YYYY-MM-DDThh:mm:ss+hh:mm or @Thh:mm:ss, or the beginning "
            "of one"},
        {"99999999999", 0, 1, 1, "found a whole number above 2147483647, expected a decimal, with a point"},
        {"'a'.matches('(')", 0, 1, 13, "found a ( without its ) in a regular expression"},
        {"'a'.matches('a{2}{2}{2}{2}{2}')", 0, 1, 13, "found too many repetitions behind each other in a regular expression"},
        {"name.given.substring('x')", 0, 1, 12, "found several items, expected at most one string"},
        {"name + 1", 0, 1, 6, "found several items, expected at most one"},
        {"1 + 'a'", 0, 1, 3, "found a Integer and a String, which this operator does not take"},
        {"1 < 'a'", 0, 1, 3, "found a Integer and a String, which have no order"},
        {"name.memberOf('x')", 0, 1, 6, "found several items, expected at most one"},
        {"name.single()", 0, 1, 6, "found several items, expected at most one"},
        {"name.as(HumanName)", 0, 1, 6, "found several items, expected at most one; ofType() takes several"},
        {"name.first", FHIRPATH_STRICT, 1, 6, "found first, which is no element of HumanName"},
        {"multipleBirthInteger", FHIRPATH_STRICT, 1, 1, "found multipleBirthInteger, which is no element of Patient"},
        {"children().first()", FHIRPATH_STRICT, 1, 12, "found first() of children that have no order"},
        {"iif('x', 1)", 0, 1, 1, "found a criterion of iif() that is neither true nor false"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct answer r = ask(a, row[i].expression, PATIENT, row[i].flags, 0);
        if (!r.failed)
            fail_msg("%s: answered %.*s", row[i].expression, SLICE_FMT(r.text));
        if (strcmp(r.fault.text, row[i].text) != 0 || r.fault.line != row[i].line || r.fault.column != row[i].column)
            fail_msg("%s: %u:%u %s", row[i].expression, r.fault.line, r.fault.column, r.fault.text);
    }
}

static const char *repeated(struct arena *a, const char *one, size_t n, const char *last)
{
    struct buf b = buf_in(a, 1 << 20);
    for (size_t i = 0; i < n; i++)
        buf_str(&b, one);
    buf_str(&b, last);
    buf_byte(&b, '\0');
    return b.p;
}

TEST(length_depth_and_steps_have_an_end)
{
    static const struct {
        const char *one;
        size_t n;
        const char *last, *text;
    } row[] = {
        {"(", 1000, "", "found an expression nested more than 200 deep"},
        {"-", 1000, "1", "found an expression nested more than 200 deep"},
        {"not(", 1000, "", "found an expression nested more than 200 deep"},
        {"id.", 1000, "id", "found an expression nested more than 200 deep"},
        {"1 or ", 1000, "1", "found an expression nested more than 200 deep"},
        {"a|", 20000, "a", "found an expression of 40001 bytes, expected at most 16384"},
        {"", 0, "1.repeat($this + 1)", "the expression takes too many steps on this document"},
        {"", 0, "descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants())))",
            "the expression takes too many steps on this document"},
        {"", 0, "('x').repeat(($this & $this).substring(0, 1000000))", "the expression takes too many steps on this document"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new((size_t)1 << 27);
        const char *expression = row[i].n ? repeated(a, row[i].one, row[i].n, row[i].last) : row[i].last;
        struct answer r = ask(a, expression, PATIENT, 0, 100000);
        CHECK(r.failed);
        CHECK_STR(r.fault.text, row[i].text);
    }
}

TEST(memory_that_is_out_is_told_as_no_text)
{
    static const char *const rows[] = {"descendants().select(%resource.descendants()).count()", "'abc'.replaceMatches('.', 'xyz')",
        "name.given.join(',')", "(1 | 2 | 3).sort()"};
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t limit = 2048; limit < 20000; limit += 512) {
            OWN_ARENA struct arena *doc = arena_new(1 << 20), *a = arena_new(limit);
            struct json j;
            struct json_fault bad;
            struct fhirpath_scope s;
            struct fhirpath_fault f;
            const struct fhirpath *x;
            const struct fhirpath_item *item;
            size_t n;
            CHECK_INT(json_parse(doc, SLICE(PATIENT), &j, &bad), 0);
            CHECK_INT(fhirpath_scope_of(&j, 0, &s), 0);
            if (fhirpath_compile(slice_of(rows[i]), 0, a, &x, &f) || fhirpath_run(x, &s, a, &item, &n, &f)) {
                CHECK(arena_failed(a));
                CHECK_STR(f.text, "");
            }
        }
}

/* --- threads --- */

struct shared {
    const struct fhirpath *x;
    const struct json *j;
    bool wrong;
};

static void *run_often(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < 200; i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct fhirpath_scope scope;
        struct fhirpath_fault f;
        const struct fhirpath_item *item;
        size_t n;
        if (fhirpath_scope_of(s->j, 0, &scope) || fhirpath_run(s->x, &scope, a, &item, &n, &f) || n != 1 || !item[0].yes)
            s->wrong = true;
    }
    arena_thread_end();
    return NULL;
}

TEST(one_compiled_expression_serves_many_threads)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct json j;
    struct json_fault bad;
    struct fhirpath_fault f;
    struct shared s[4] = {{.j = &j}};
    pthread_t thread[4];
    CHECK_INT(json_parse(a, SLICE(PATIENT), &j, &bad), 0);
    CHECK_INT(fhirpath_compile(SLICE("name.given.exists(matches('^J.m$')) and descendants().count() > 10"), 0, a, &s[0].x, &f), 0);
    for (int i = 0; i < 4; i++) {
        s[i] = s[0];
        CHECK_INT(pthread_create(&thread[i], NULL, run_often, &s[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        CHECK(!s[i].wrong);
    }
}

/* --- the parts --- */

TEST(regular_expressions_find_the_leftmost_match)
{
    static const struct {
        const char *pattern, *text;
        int found;
        size_t begin, end;
    } row[] = {
        {"b+", "abbbc", 1, 1, 4},      {"b+?", "abbbc", 1, 1, 2},     {"a|ab", "ab", 1, 0, 1},      {"ab|a", "ab", 1, 0, 2},
        {"^b", "ab", 0, 0, 0},         {"b$", "ab", 1, 1, 2},         {"", "ab", 1, 0, 0},          {"x{2,3}", "xxxx", 1, 0, 3},
        {"x{2}", "x", 0, 0, 0},        {"[^a-c]", "abcd", 1, 3, 4},   {"[]x]", "]", 1, 0, 1},       {"[a-]+", "-a", 1, 0, 2},
        {"\\d+", "ab12", 1, 2, 4},     {"\\D", "12x", 1, 2, 3},       {"[\\w.]+", "!a.b!", 1, 1, 4}, {"\\bb", "ab b", 1, 3, 4},
        {"(?:ab)+", "xababy", 1, 1, 5}, {"(a|b)*c", "ababc", 1, 0, 5}, {".", "\xC3\xA4", 1, 0, 2},   {"\\u00e4", "\xC3\xA4", 1, 0, 2},
        {"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaac", 0, 0, 0},          {"{", "{", 1, 0, 1},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        const char *what;
        size_t at[2] = {0, 0};
        struct regex *x = regex_compile(slice_of(row[i].pattern), a, &what);
        if (!x)
            fail_msg("%s: %s", row[i].pattern, what);
        int64_t steps = 1 << 20;
        int found = regex_find(x, &(struct regex_ask){.text = slice_of(row[i].text)}, a, &steps, at);
        if (found != row[i].found || (found && (at[0] != row[i].begin || at[1] != row[i].end)))
            fail_msg("%s in %s: %d at %zu..%zu", row[i].pattern, row[i].text, found, at[0], at[1]);
    }
}

TEST(numbers_too_long_are_refused_not_cut)
{
    static const struct {
        const char *x, *y;
        int add, mul, div;
    } row[] = {
        {"1", "3", 1, 1, 1},
        {"1e40", "1e-40", 0, 1, 0},
        {"9999999999999999999999999999999999999999999999999999999999999999", "1", 0, 1, 1},
        {"9999999999999999999999999999999999999999", "9999999999999999999999999999999999999999", 1, 0, 1},
        {"1", "0", 1, 1, 0},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct num x, y, z;
        CHECK_INT(num_parse(slice_of(row[i].x), &x) + num_parse(slice_of(row[i].y), &y), 2);
        if (num_add(&x, &y, &z) != row[i].add || num_mul(&x, &y, &z) != row[i].mul || num_div(&x, &y, &z) != row[i].div)
            fail_msg("%s and %s: %d %d %d", row[i].x, row[i].y, num_add(&x, &y, &z), num_mul(&x, &y, &z), num_div(&x, &y, &z));
    }
    struct num x;
    CHECK_INT(num_parse(SLICE("1e99"), &x), 0);
    CHECK_INT(num_parse(SLICE("-"), &x), 0);
    CHECK_INT(num_parse(SLICE("1.2.3"), &x), 0);
}

RUN(T(paths_go_through_both_halves_of_primitives), T(references_are_followed_inside_a_bundle),
    T(members_of_value_sets_are_known_where_a_binding_requires_them), T(types_are_those_of_the_definitions),
    T(numbers_are_exact_and_keep_their_digits), T(quantities_compare_across_units), T(times_compare_and_add_to_their_precision),
    T(logic_has_three_values_and_stops_early), T(strings_count_characters_and_match_in_linear_time),
    T(a_wrong_expression_says_where_and_what_was_expected), T(length_depth_and_steps_have_an_end),
    T(memory_that_is_out_is_told_as_no_text), T(one_compiled_expression_serves_many_threads),
    T(regular_expressions_find_the_leftmost_match), T(numbers_too_long_are_refused_not_cut))
