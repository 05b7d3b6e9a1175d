/* One row a defect, with the verdict a reader should get: "code expression line:column", issues separated by "; ". */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "fhir/fhir.h"
#include "fhir/fhirpath.h"
#include "fhir/tables_int.h"
#include "fhir/match_int.h"
#include "fhir/xhtml_int.h"

static const char *verdict(struct arena *a, const char *text, const char *type)
{
    struct fhir_report r;
    struct err e;
    struct buf b = buf_in(a, 1 << 16);
    CHECK_OK(fhir_validate_text(slice_of(text), &(struct fhir_ask){.type = type, .max_issues = 100}, a, NULL, &r, &e));
    size_t errors = 0;
    for (size_t i = 0; i < r.issues; i++) {
        buf_printf(&b, "%s%s %s %u:%u", i ? "; " : "", r.issue[i].code, r.issue[i].expression, r.issue[i].line, r.issue[i].column);
        errors += r.issue[i].severity == FHIR_ERROR;
    }
    CHECK_INT(errors, r.errors);
    buf_byte(&b, '\0');
    return b.p;
}

struct row {
    const char *text, *verdict;
};

static void check_rows(const struct row *row, size_t n)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        const char *got = verdict(a, row[i].text, NULL);
        if (strcmp(got, row[i].verdict) != 0 && ++wrong)
            print_message("# %s\n  got  '%s'\n  want '%s'\n", row[i].text, got, row[i].verdict);
    }
    CHECK_INT(wrong, 0);
}

#define OBS(more) "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"}" more "}"
#define PAT(more) "{\"resourceType\":\"Patient\"" more "}"

TEST(what_r4_allows_is_valid)
{
    static const struct row row[] = {
        {"{\"resourceType\":\"Patient\"}", ""},
        {"\xEF\xBB\xBF{\"resourceType\":\"Patient\"}", ""},
        {PAT(",\"name\":[{\"given\":[\"A\",null],\"_given\":[null,{\"extension\":[{\"url\":\"urn:u\",\"valueCode\":\"x\"}]}]}]"), ""},
        {PAT(",\"name\":[{\"given\":[\"A\",\"B\"],\"_given\":[null,{\"id\":\"g2\"}]}]"), ""},
        {PAT(",\"_birthDate\":{\"extension\":[{\"url\":\"http://example.org/x\",\"valueString\":\"y\"}]}"), ""},
        {PAT(",\"birthDate\":\"2000-02-29\",\"deceasedDateTime\":\"2020\""), ""},
        {PAT(",\"deceasedBoolean\":true,\"_deceasedBoolean\":{\"id\":\"d\"}"), ""},
        {PAT(",\"\\u0061ctive\":true"), ""},
        {PAT(",\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"x\"}],"
             "\"managingOrganization\":{\"reference\":\"#o\"}"),
         ""},
        {PAT(",\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">a<br/>&lt;</div>\"}"), ""},
        {OBS(",\"valueQuantity\":{\"value\":1.50E+2,\"unit\":\"mg\"}"), ""},
        {OBS(",\"valueString\":\" \\n\""), ""},
        {"{\"resourceType\":\"Observation\",\"_status\":{\"extension\":[{\"url\":\"urn:u\",\"valueCode\":\"unknown\"}]},\"code\":{\"text\":"
         "\"x\"}}",
         ""},
        {"{\"status\":\"final\",\"code\":{\"id\":\"c\",\"text\":\"x\"},\"resourceType\":\"Observation\"}", ""},
        {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"fullUrl\":\"urn:uuid:00000000-0000-4000-8000-000000000001\","
         "\"resource\":" OBS("") "}]}",
         ""},
        {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"p\",\"resource\":" PAT(
             "") "},{\"name\":\"q\",\"part\":[{\"name\":\"r\",\"valueInteger\":-5}]}]}",
         ""},
        {"{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"item\":[{\"linkId\":\"1\",\"type\":\"group\",\"item\":[{\"linkId\":"
         "\"2\",\"type\":\"string\"}]}]}",
         ""},
        {"{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},\"clinicalStatus\":{\"coding\":[{\"system\":\"urn:local\","
         "\"code\":"
         "\"1\"},"
         "{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-clinical\",\"code\":\"active\"}]}}",
         ""},
        {"{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},\"clinicalStatus\":{\"extension\":[{\"url\":\"urn:u\","
         "\"valueCode\":\"unknown\"}]}}",
         ""},
        {"{\"resourceType\":\"Binary\",\"contentType\":\"text/plain; charset=UTF-8\",\"data\":\"QUJD\\nREVG\"}", ""},
        {"{\"resourceType\":\"CapabilityStatement\",\"status\":\"active\",\"date\":\"2020\",\"kind\":\"instance\","
         "\"implementation\":{\"description\":\"x\"},\"rest\":[{\"mode\":\"server\"}],\"fhirVersion\":\"4.0."
         "1\",\"format\":[\"json\"]}",
         ""},
    };
    check_rows(row, COUNT(row));
}

TEST(defects_of_structure_are_found_where_they_are)
{
    static const struct row row[] = {
        {"[]", "structure Resource 1:1"},
        {"{}", "required Resource 1:1"},
        {"{\"resourceType\":1}", "structure Resource 1:17"},
        {"{\"resourceType\":\"DomainResource\"}", "structure Resource 1:17"},
        {"{\"resourceType\":\"SubscriptionStatus\"}", "structure Resource 1:17"},
        {PAT(",\n \"Active\":true"), "structure Patient.Active 2:2"},
        {PAT(",\n \"not a name\":true"), "structure Patient 2:2"},
        {PAT(",\"_name\":[{\"id\":\"x\"}]"), "structure Patient._name 1:27"},
        {PAT(",\"name\":{\"family\":\"x\"}"), "structure Patient.name 1:34"},
        {PAT(",\"gender\":[\"male\"]"), "structure Patient.gender 1:36"},
        {PAT(",\"name\":[]"), "structure Patient.name 1:34"},
        {PAT(",\"name\":[{}]"), "structure Patient.name[0] 1:35"},
        {PAT(",\"name\":[null]"), "structure Patient.name[0] 1:35"},
        {PAT(",\"name\":[\"x\"]"), "structure Patient.name[0] 1:35"},
        {PAT(",\"gender\":null"), "structure Patient.gender 1:36"},
        {PAT(",\"maritalStatus\":\"M\""), "structure Patient.maritalStatus 1:43"},
        {PAT(",\"name\":[{\"given\":[null]}]"), "structure Patient.name[0].given[0] 1:45"},
        {PAT(",\"name\":[{\"given\":[\"A\",null],\"_given\":[{\"id\":\"a\"},null]}]"), "structure Patient.name[0].given[1] 1:49"},
        {PAT(",\"name\":[{\"_given\":[null]}]"), "structure Patient.name[0].given[0] 1:46"},
        {PAT(",\"name\":[{\"given\":[\"A\"],\"_given\":[\"x\"]}]"), "structure Patient.name[0].given[0] 1:60"},
        {PAT(",\"_birthDate\":[{\"id\":\"x\"}]"), "structure Patient.birthDate 1:40"},
        {PAT(",\"_birthDate\":{\"value\":1}"), "structure Patient.birthDate.value 1:41"},
        {PAT(",\"name\":[{\"_id\":{\"id\":\"x\"}}]"), "structure Patient.name[0]._id 1:36"},
        {PAT(",\"deceasedBoolean\":true,\"deceasedDateTime\":\"2020\""),  "structure Patient.deceasedDateTime 1:50"},
        {PAT(",\"deceasedBoolean\":true,\"_deceasedDateTime\":{\"id\":\"x\"}"),
         "structure Patient.deceasedDateTime 1:50; invariant Patient.deceasedDateTime 1:70"},
        {PAT(",\"deceasedString\":\"x\""), "structure Patient.deceasedString 1:27"},
        {PAT(",\"contained\":[{\"id\":\"x\"}]"), "required Patient.contained[0] 1:40"},
        {PAT(",\"contained\":[{\"resourceType\":\"Person\",\"sex\":1}]"), "structure Patient.contained[0].sex 1:65"},
        {PAT(",\"extension\":[{\"valueString\":\"x\"}]"), "required Patient.extension[0].url 1:40"},
        {"{\"resourceType\":\"Observation\",\n\"code\":{\"text\":\"x\"}}", "required Observation.status 1:1"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[\n{},\n{\"resource\":\n"
         "{\"resourceType\":\"Observation\",\"status\":"
         "\"final\"}}]}",
         "structure Bundle.entry[0] 2:1; invariant Bundle.entry[0] 2:1; required Bundle.entry[1].resource.code 4:1"},
        {"{\"resourceType\":\"Medication\",\"ingredient\":[{\"isActive\":true}]}", "required Medication.ingredient[0].item 1:44"},
        {"{\"resourceType\":\"Patient\",\"active\":true,\"active\":true}", "structure  1:41"},
        {"{\"resourceType\":\"Patient\"} x", "structure  1:28"},
        {"{\"resourceType\":\"Patient\",\"id\":\"\xC3\"}", "structure  1:33"},
    };
    check_rows(row, COUNT(row));
}

TEST(defects_of_values_are_found_where_they_are)
{
    static const struct row row[] = {
        {PAT(",\"id\":\"a/b\""), "value Patient.id 1:32"},
        {PAT(",\"birthDate\":\"2001-02-29\""), "value Patient.birthDate 1:39"},
        {PAT(",\"active\":\"true\""), "structure Patient.active 1:36"},
        {PAT(",\"multipleBirthInteger\":1.0"), "value Patient.multipleBirthInteger 1:50"},
        {PAT(",\"multipleBirthInteger\":\"1\""), "structure Patient.multipleBirthInteger 1:50"},
        {PAT(",\"language\":\"\""), "value Patient.language 1:38"},
        {PAT(",\"language\":\" de\""), "value Patient.language 1:38"},
        {PAT(",\"implicitRules\":\"http://a b\""), "value Patient.implicitRules 1:43"},
        {PAT(",\"name\":[{\"text\":\"a\\fb\"}]"), "value Patient.name[0].text 1:43"},
        {PAT(",\"photo\":[{\"contentType\":\"image/png\",\"data\":\"QUJ\"}]"), "value Patient.photo[0].data 1:70"},
        {PAT(",\"gender\":\"M\""), "code-invalid Patient.gender 1:36"},
        {PAT(",\"gender\":\"\\u006dale\""), ""},
        {PAT(",\"text\":{\"status\":\"generated\",\"div\":\"<div><p></div>\"}"), "invalid Patient.text.div 1:62"},
        {PAT(",\"text\":{\"status\":\"generated\"}"), "required Patient.text.div 1:34"},
        {"{\"resourceType\":\"Binary\",\"contentType\":\"text/\"}", "code-invalid Binary.contentType 1:40"},
        {"{\"resourceType\":\"Invoice\",\"status\":\"draft\",\"totalNet\":{\"currency\":\"eur\"}}",
         "code-invalid Invoice.totalNet.currency 1:67"},
        {"{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},\"clinicalStatus\":{\"text\":\"active\"}}",
         "code-invalid Condition.clinicalStatus 1:72"},
        {"{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},\"clinicalStatus\":{\"coding\":[{\"system\":\"urn:x\",\"code\":"
         "\"active\"}]}}",
         "code-invalid Condition.clinicalStatus 1:72"},
        {"{\"resourceType\":\"RiskAssessment\",\"status\":\"final\",\"subject\":{\"display\":\"x\"},\"prediction\":[{"
         "\"probabilityDecimal\":100},"
         "{\"probabilityDecimal\":100.01}]}",
         "invariant RiskAssessment.prediction[1] 1:118"},
        {"{\"resourceType\":\"DetectedIssue\",\"status\":\"mitigated\"}",
         "code-invalid DetectedIssue.status 1:42"}, /* R5 has it, R4 not */
    };
    check_rows(row, COUNT(row));
}

TEST(primitives_are_judged_by_r4s_grammars)
{
    static const struct {
        enum fhir_type type;
        const char *good, *bad; /* separated by '|' */
    } row[] = {
        {FHIR_BASE64BINARY, "QUJD|QQ==|QUI=|QU JD|QU\nJD", "Q|QQ=|QQ=Q|QUJDR===|*UJD| "},
        {FHIR_CODE, "a|a b|1.2|\xC3\xA9", " a|a |a  b| |a\tb|a\nb"},
        {FHIR_DATE, "2000|2000-02|2000-02-29|1900-02-28|0001",
         "0000|200|2000-2|2000-13|2000-00|1900-02-29|2001-04-31|2000-02-30|2000-01-01T|20000101|2000-01-1|2000-"},
        {FHIR_DATETIME, "2000|2000-02|2000-02-29|2000-02-29T00:00:00Z|2000-02-29T23:59:60.123+14:00|2000-02-29T12:00:00-03:30",
         "2000-02T00:00:00Z|2000-02-29T24:00:00Z|2000-02-29T12:00Z|2000-02-29T12:00:00|2000-02-29T12:00:00.Z|2000-02-29T12:00:00+14:01|"
         "2000-02-29T12:00:00+15:00|2000-02-29t12:00:00Z|2000-02-29T12:00:00z|2000-02-29T12:00:00Zx|2000-02-29 12:00:00Z"},
        {FHIR_INSTANT, "2000-02-29T00:00:00Z|2000-02-29T00:00:00.5+01:00", "2000-02-29|2000|2000-02-29T00:00:00"},
        {FHIR_TIME, "00:00:00|23:59:59.999", "24:00:00|12:00|12:00:00Z|1:00:00|12:60:00|12:00:61|12:00:00."},
        {FHIR_ID, "a|A-1.b|1234567890123456789012345678901234567890123456789012345678901234",
         "a_b|a b|12345678901234567890123456789012345678901234567890123456789012345|\xC3\xA9"},
        {FHIR_INTEGER, "0|-1|2147483647|-2147483648", "-0|1.0|1e2|2147483648|-2147483649"},
        {FHIR_POSITIVEINT, "1|2147483647", "0|-1|1.0|2147483648"},
        {FHIR_UNSIGNEDINT, "0|2147483647", "-0|-1|1.0|2147483648"},
        {FHIR_STRING, "a| |\t\r\n|\xF0\x9F\x98\x80", "\b|a\x01"},
        {FHIR_OID, "urn:oid:1.2.3|urn:oid:2.16.840|urn:oid:0.0",
         "1.2.3|urn:oid:3.1|urn:oid:1|urn:oid:1.|urn:oid:1.02|urn:oid:1..2|urn:oid:1.2.a"},
        {FHIR_UUID, "urn:uuid:87e11d66-c137-458a-9754-fe6c4e445a6d",
         "87e11d66-c137-458a-9754-fe6c4e445a6d|urn:uuid:87E11D66-c137-458a-9754-fe6c4e445a6d|urn:uuid:87e11d66c137458a9754fe6c4e445a6d"},
        {FHIR_URI, "a|urn:x|http://a/b#c|\xC3\xA9", "a b| a|a\n"},
        {FHIR_CANONICAL, "http://a|1.0", "a b"},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        for (int bad = 0; bad < 2; bad++) {
            struct slice rest = slice_of(bad ? row[i].bad : row[i].good);
            while (rest.p) {
                struct slice one = slice_cut(&rest, '|');
                if (match_primitive(row[i].type, one) == (bool)bad)
                    fail_msg("type %d: '%.*s' should be %s", row[i].type, SLICE_FMT(one), bad ? "refused" : "accepted");
            }
            if (row[i].type != FHIR_DECIMAL)
                CHECK(!match_primitive(row[i].type, SLICE("")));
        }
}

TEST(a_narrative_is_one_well_formed_div)
{
    static const char *const good[] = {"<div/>", " <div>a</div>\n",
                                       "<div id='1' class=\"2\"><p>x<!-- < & --><br /></p>&amp;&#160;&#xa0;</div>",
                                       "<div><![CDATA[<&]]></div>"};
    static const char *const bad[] = {"",
                                      "text",
                                      "<p></p>",
                                      "<div>",
                                      "<div></p>",
                                      "<div></div><div></div>",
                                      "<div></div>x",
                                      "<div id=1></div>",
                                      "<div id></div>",
                                      "<div id=\"1\" id=\"2\"></div>",
                                      "<div id=\"<\"></div>",
                                      "<div>&</div>",
                                      "<div>& b;</div>",
                                      "<div><br></div>",
                                      "<div",
                                      "<div id=\"1",
                                      "<!DOCTYPE div><div/>",
                                      "<div><!-- </div>",
                                      "<>"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (xhtml_fault(slice_of(good[i])))
            fail_msg("%s: %s", good[i], xhtml_fault(slice_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        if (!xhtml_fault(slice_of(bad[i])))
            fail_msg("%s should be refused", bad[i]);
}

TEST(references_lead_where_they_may)
{
    static const struct row row[] = {
        {OBS(",\"subject\":{\"reference\":\"Patient/1\"}"), ""},
        {OBS(",\"subject\":{\"reference\":\"http://a/fhir/Patient/1/_history/2\",\"type\":\"Patient\"}"), ""},
        {OBS(",\"subject\":{\"reference\":\"http://a/x\"}"), ""}, /* its type is not known */
        {OBS(",\"subject\":{\"reference\":\"Patients/1\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"1\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient?identifier=http://a|1\"}"), "business-rule Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient?identifier=1234&?==\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient?\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient?identifier\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient?a=1&=2\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient?a=1&\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Practitioner?identifier=1\"}"),
         "value Observation.subject.reference 1:91; business-rule Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"Patient/1#name\"}"), ""},
        {OBS(",\"subject\":{\"reference\":\"Practitioner/1\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"reference\":\"http://a/fhir/Medication/1/_history/2\"}"), "value Observation.subject.reference 1:91"},
        {OBS(",\"subject\":{\"type\":\"Practitioner\",\"display\":\"x\"}"), "value Observation.subject.type 1:86"},
        {OBS(",\"subject\":{\"reference\":\"Patient/1\",\"type\":\"Group\"}"), "value Observation.subject.type 1:110"},
        {OBS(",\"contained\":[{\"resourceType\":\"Practitioner\",\"id\":\"p\"}],\"subject\":{\"reference\":\"#p\"}"),
         "value Observation.subject.reference 1:146"},
        {"{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\",\"questionnaire\":\"http://hl7.org/fhir/Questionnaire/"
         "a|1\"}",
         ""},
        {"{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\",\"questionnaire\":\"http://a/ValueSet/b\"}", ""},
        {"{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\",\"questionnaire\":\"http://hl7.org/fhir/ValueSet/b\"}",
         "value QuestionnaireResponse.questionnaire 1:78"},
    };
    check_rows(row, COUNT(row));
}

#define BUNDLE(type, entries) "{\"resourceType\":\"Bundle\",\"type\":\"" type "\",\"entry\":[" entries "]}"
#define ENTRY(url, resource)  "{\"fullUrl\":\"" url "\",\"resource\":{" resource "}}"
#define U1                    "urn:uuid:00000000-0000-4000-8000-000000000001"
#define U2                    "urn:uuid:00000000-0000-4000-8000-000000000002"
#define PATIENT               "\"resourceType\":\"Patient\""
#define HEART(who)                                                                                                                         \
    "\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"" who "\"}"
#define FOUND(self, mode, resource)                                                                                                        \
    "{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{\"relation\":\"self\",\"url\":\"" self "\"}],\"entry\":[{\"fullUrl\":" \
    "\"http://a/b\",\"search\":{\"mode\":\"" mode "\"},\"resource\":{" resource ",\"id\":\"1\"}}]}"
#define COMPOSED(who)                                                                                                      \
    "\"resourceType\":\"Composition\",\"status\":\"final\",\"type\":{\"text\":\"x\"},\"date\":\"2020\",\"title\":\"x\",\"author\":[{"  \
    "\"reference\":\"" who "\"}]"
#define DOCUMENT(entries)                                                                                                  \
    "{\"resourceType\":\"Bundle\",\"type\":\"document\",\"identifier\":{\"system\":\"urn:s\",\"value\":\"1\"},\"timestamp\":"         \
    "\"2020-01-01T00:00:00Z\",\"entry\":[" entries "]}"

#define LINK(relation) "{\"relation\":\"" relation "\",\"url\":\"http://a\"}"
#define LINKED(type, one, two) "{\"resourceType\":\"Bundle\",\"type\":\"" type "\",\"link\":[" LINK(one) "," LINK(two) "]}"
#define FIRST(who)   ENTRY("http://a/Composition/1", "\"id\":\"1\"," COMPOSED(who))
#define PRACTITIONER "\"resourceType\":\"Practitioner\",\"id\":\"2\""
#define VERSIONS                                                                                                           \
    ENTRY("http://a/Practitioner/2", PRACTITIONER ",\"meta\":{\"versionId\":\"1\"}") ","                                      \
        ENTRY("http://a/Practitioner/2", PRACTITIONER ",\"meta\":{\"versionId\":\"b\"}")

TEST(a_bundle_answers_for_its_entries)
{
    static const struct row row[] = {
        {BUNDLE("collection", ENTRY(U1, PATIENT) "," ENTRY(U2, HEART(U1))), ""},
        {BUNDLE("collection", ENTRY("http://a/Patient/1", PATIENT ",\"id\":\"1\"") "," ENTRY(U2, HEART("http://a/Patient/1"))), ""},
        {BUNDLE("collection", ENTRY("http:\\/\\/a\\/Patient\\/1", PATIENT ",\"id\":\"1\"") "," ENTRY(U2, HEART("http://a/Patient/1"))), ""},
        /* where a URN leads is known by its entry */
        {BUNDLE("collection", ENTRY(U1, "\"resourceType\":\"Practitioner\"") "," ENTRY(U2, HEART(U1))),
         "value Bundle.entry[1].resource.subject.reference 1:318"},
        {BUNDLE("transaction",
                "{\"fullUrl\":\"" U2 "\",\"request\":{\"method\":\"POST\",\"url\":\"Observation\"},\"resource\":{" HEART(U1) "}}"),
         "not-found Bundle.entry[0].resource.subject.reference 1:264"},
        {BUNDLE("collection", ENTRY("Patient/1", PATIENT ",\"id\":\"1\"")), "value Bundle.entry[0].fullUrl 1:66"},
        {BUNDLE("collection", ENTRY("http://a/Patient/1", PATIENT ",\"id\":\"2\"")), "value Bundle.entry[0].fullUrl 1:66"},
        {BUNDLE("collection", ENTRY("http://a/Group/1", PATIENT ",\"id\":\"1\"")), "value Bundle.entry[0].fullUrl 1:66"},
        {BUNDLE("collection", ENTRY("http://a/b", PATIENT ",\"id\":\"1\"")), ""}, /* no server's address */
        {BUNDLE("collection", ENTRY(U1, PATIENT) "," ENTRY(U1, PATIENT)), "invariant Bundle.entry[1].fullUrl 1:164"},
        {BUNDLE("collection", ENTRY("urn:uuid:1", PATIENT)), "value Bundle.entry[0].fullUrl 1:66"},
        {BUNDLE("searchset", "{\"fullUrl\":\"http://a/b\",\"search\":{\"mode\":\"outcome\"},\"resource\":{" PATIENT ",\"id\":\"1\"}}"),
         "business-rule Bundle.entry[0].resource 1:117"},
        {BUNDLE("searchset", "{\"fullUrl\":\"http://a/b\",\"search\":{\"mode\":\"match\"},\"resource\":{" PATIENT "}}"),
         "required Bundle.entry[0].resource 1:115"},
        {FOUND("http://a/Patient?name=x", "match", PATIENT), ""},
        {FOUND("http://a?_type=Group,Patient", "match", PATIENT), ""},
        {FOUND("http://a/x?_type=Group,Unknown", "match", PATIENT), ""}, /* what was searched for is not known */
        {FOUND("http://a/Observation?code=x", "include", PATIENT), ""},
        {FOUND("http://a/Observation?code=x", "match", PATIENT), "business-rule Bundle.entry[0].resource 1:180"},
        {FOUND("http://a?_type=Group", "match", PATIENT), "business-rule Bundle.entry[0].resource 1:173"},
        {DOCUMENT(ENTRY(U1, COMPOSED(U2)) "," ENTRY(U2, "\"resourceType\":\"Practitioner\"")), ""},
        {DOCUMENT(ENTRY("http://a/Composition/1", "\"id\":\"1\"," COMPOSED("Practitioner/2")) "," ENTRY(
             "http://a/Practitioner/2", "\"resourceType\":\"Practitioner\",\"id\":\"2\"")),
         ""},
        /* a reference to a version leads to that */
        {DOCUMENT(FIRST("Practitioner/2/_history/1") "," VERSIONS), ""},
        {DOCUMENT(FIRST("Practitioner/2/_history/b") "," VERSIONS), ""},
        {DOCUMENT(FIRST("Practitioner/2/_history/3") "," VERSIONS), "not-found Bundle.entry[0].resource.author[0].reference 1:304"},
        {DOCUMENT(FIRST("Practitioner/2") "," VERSIONS), "business-rule Bundle.entry[0].resource.author[0].reference 1:304"},
        {DOCUMENT(FIRST("http://a/Practitioner/2") "," VERSIONS), "business-rule Bundle.entry[0].resource.author[0].reference 1:304"},
        {DOCUMENT(FIRST("Practitioner/2/_history/1") "," ENTRY("http://a/Practitioner/2", PRACTITIONER)),
         "not-found Bundle.entry[0].resource.author[0].reference 1:304"},
        {BUNDLE("collection", FIRST("Practitioner/2") "," VERSIONS), ""},
        {BUNDLE("transaction", "{\"fullUrl\":\"" U2 "\",\"request\":{\"method\":\"POST\",\"url\":\"Observation\"},\"resource\":{" HEART(
                                   "Patient?identifier=a|b&_has:Group:member:code=x") "}}"),
         ""},
        {DOCUMENT(ENTRY(U1, COMPOSED("Practitioner/3")) "," ENTRY(U2, "\"resourceType\":\"Practitioner\",\"id\":\"2\"")),
         "not-found Bundle.entry[0].resource.author[0].reference 1:318"},
        {DOCUMENT("{\"resource\":{" COMPOSED(U2) "}}," ENTRY(U2, "\"resourceType\":\"Practitioner\"")), "required Bundle.entry[0] 1:132"},
        {LINKED("searchset", "self", "next"), ""},
        {LINKED("history", "previous", "next"), ""},
        {LINKED("collection", "self", "alternate"), ""},
        {LINKED("searchset", "next", "next"), "business-rule Bundle.link[1].relation 1:102"},
        {LINKED("collection", "self", "self"), "business-rule Bundle.link[1].relation 1:103"},
        {LINKED("batch", "self", "next"), "business-rule Bundle.link[1].relation 1:98"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"message\"}", "required Bundle 1:1"},
        /* a Bundle in a Bundle has entries of its own */
        {BUNDLE("collection", ENTRY(U1, PATIENT) "," ENTRY(
                                  U2, "\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[" ENTRY(U2, HEART(U1)) "]")),
         "not-found Bundle.entry[1].resource.entry[0].resource.subject.reference 1:437"},
        {BUNDLE("collection", "1,{\"fullUrl\":1,\"resource\":[]}"),
         "invariant Bundle 1:1; structure Bundle.entry[0] 1:55; invariant Bundle.entry[1] 1:57; invariant Bundle.entry[1] 1:57; "
         "structure Bundle.entry[1].fullUrl 1:68; structure Bundle.entry[1].resource 1:81"},
    };
    check_rows(row, COUNT(row));
}

TEST(a_bundle_is_about_one_patient_where_that_is_asked)
{
    static const struct row row[] = {
        {BUNDLE("collection", ENTRY(U1, PATIENT) "," ENTRY(U2, HEART(U1))), ""},
        {BUNDLE("collection",
                ENTRY("http://a/Patient/1", PATIENT ",\"id\":\"1\"") "," ENTRY(
                    "http://a/Observation/2",
                    "\"id\":\"2\"," HEART("Patient/1")) "," ENTRY(U2, HEART("Patient/1")) "," ENTRY(U1, HEART("http://a/Patient/1"))),
         ""},
        {BUNDLE("collection", ENTRY(U1, HEART("Patient/1")) "," ENTRY(U2, HEART("Patient/1"))), ""},
        {BUNDLE("collection", ENTRY(U1, HEART("Patient/1")) "," ENTRY(U2, HEART("Device/1"))), ""}, /* about no patient */
        {BUNDLE("collection", ENTRY(U1, HEART("Patient/1")) "," ENTRY(U2, HEART("Patient/2"))),
         "business-rule Bundle.entry[1].resource.subject.reference"},
        {BUNDLE("collection", ENTRY(U1, PATIENT) "," ENTRY(U2, HEART("Patient/2"))),
         "business-rule Bundle.entry[1].resource.subject.reference"},
        {BUNDLE("collection", ENTRY(U1, PATIENT) "," ENTRY(U2, PATIENT)), "business-rule Bundle.entry[1].resource"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct fhir_report r;
        struct err e;
        struct slice text = slice_of(row[i].text);
        CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 9}, a, NULL, &r, &e));
        CHECK_INT(r.errors, 0);
        CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 9, .one_subject = true}, a, NULL, &r, &e));
        const char *got = r.issues ? arena_printf(a, "%s %s", r.issue[0].code, r.issue[0].expression) : "";
        if (strcmp(got, row[i].verdict) != 0 || r.issues > 1)
            fail_msg("%s\n  got  '%s'\n  want '%s'", row[i].text, got, row[i].verdict);
    }
}

TEST(what_definitions_say_in_words_is_asked)
{
#define CODED(system, code) OBS(",\"category\":[{\"coding\":[{\"system\":\"" system "\",\"code\":\"" code "\"}]}]")
#define SEARCH(more)                                                                                                                       \
    "{\"resourceType\":\"SearchParameter\",\"url\":\"http://a/"                                                                            \
    "b\",\"name\":\"N\",\"status\":\"draft\",\"description\":\"x\",\"code\":\"x\"," more "}"
#define ASKED(question)                                                                                                                    \
    "{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"item\":[{\"linkId\":\"1\",\"type\":\"boolean\"},{\"linkId\":\"2\","        \
    "\"type\":\"group\",\"item\":[{\"linkId\":\"3\",\"type\":\"string\",\"enableWhen\":[{\"question\":\"" question                         \
    "\",\"operator\":\"exists\",\"answerBoolean\":true}]}]}]}"
#define CODES(more)                                                                                                        \
    "{\"resourceType\":\"CodeSystem\",\"status\":\"draft\",\"concept\":[{\"code\":\"a\",\"concept\":[{\"code\":\"b\"}]},"         \
    "{\"code\":\"c\"}]," more "}"
#define TOLD(more) PAT(",\"id\":\"p\",\"text\":{\"status\":\"generated\",\"div\":\"<div>" more "</div>\"}")
#define AGED(type, unit)                                                                                                                   \
    "{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},\"onset" type                                                         \
    "\":{\"value\":1,\"system\":\"http://unitsofmeasure.org\",\"code\":\"" unit "\"}}"
    static const struct row row[] = {
        {CODED("http://hl7.org/fhir/observation-status", "final"), ""},
        {CODED("http://hl7.org/fhir/observation-status", "finale"), "code-invalid Observation.category[0].coding[0].code 1:149"},
        {CODED("http://hl7.org/fhir/observation-status\",\"version\":\"5.0.0", "finale"), ""},
        {CODED("http://hl7.org/fhir/not-there", "x"), ""},
        {CODED("http://loinc.org", "x"), ""},
        {CODED("http://hl7.org/fhir/ValueSet/observation-status", "final"),
         "code-invalid Observation.category[0].coding[0].system 1:101"},
        {CODED("http://terminology.hl7.org/ValueSet/x", "x"), "code-invalid Observation.category[0].coding[0].system 1:101"},
        {CODED("http://a/ValueSet/x", "x"), ""},
        {CODED("loinc", "x"), "value Observation.category[0].coding[0].system 1:101"},
        {CODED("#own", "x"), ""},
        {PAT(",\"identifier\":[{\"system\":\"mrn\",\"value\":\"1\"}]"), "value Patient.identifier[0].system 1:51"},
        {PAT(",\"extension\":[{\"url\":\"a\",\"valueCode\":\"x\"}]"), "value Patient.extension[0].url 1:47"},
        {PAT(",\"extension\":[{\"url\":\"urn:a\",\"extension\":[{\"url\":\"a\",\"valueCode\":\"x\"}]}]"), ""},
        {PAT(",\"language\":\"de-AT\""), ""},
        {PAT(",\"language\":\"x-own\""), ""},
        {PAT(",\"language\":\"zh-Hant-HK\""), ""},
        {PAT(",\"language\":\"de_AT\""), "code-invalid Patient.language 1:38"},
        {PAT(",\"language\":\"12\""), "code-invalid Patient.language 1:38"},
        {PAT(",\"language\":\"de-\""), "code-invalid Patient.language 1:38"},
        {PAT(",\"id\":\"a\",\"_id\":{\"id\":\"x\"}"), "structure Patient._id 1:36"},
        {PAT(",\"photo\":[{\"data\":\"QUJD\\nREU=\",\"size\":5,\"contentType\":\"image/png\"}]"), ""},
        {PAT(",\"photo\":[{\"data\":\"QUJD\",\"size\":4,\"contentType\":\"image/png\"}]"), "value Patient.photo[0].size 1:58"},
        {PAT(",\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"a\",\"name\":\"x\"},{\"resourceType\":\"Organization\",\"id\":"
             "\"a\","
             "\"name\":\"y\"}],\"managingOrganization\":{\"reference\":\"#a\"}"),
         "business-rule Patient.contained[1].id 1:128"},
        {OBS(",\"referenceRange\":[{\"low\":{\"value\":1,\"comparator\":\"<\"}}]"),
         "invariant Observation.referenceRange[0].low.comparator 1:117"},
        {OBS(",\"valueQuantity\":{\"value\":1,\"comparator\":\"<\"}"), ""},
        {OBS(",\"valueRatio\":{\"numerator\":{\"value\":1,\"comparator\":\"<\"},\"denominator\":{\"value\":1}}"), ""},
        {TOLD("<a href=\\\"#t\\\">x</a><b id=\\\"t\\\">y</b>"), ""},
        {TOLD("<a href='#p'>x</a><img src='#n'/><a name='n'>x</a>"), ""},
        {TOLD("<a href='#'>x</a><a href='http://a/b#c'>x</a><!-- <a href='#x'> -->"), ""},
        {TOLD("<a href='#a%20b'>x</a>"), ""}, /* written in another way */
        {TOLD("<i title='id=\\\"t\\\"'>y</i><a href='#t'>x</a>"), "not-found Patient.text.div 1:71"},
        {TOLD("x <img src='#q' alt='x'/>"), "not-found Patient.text.div 1:71"},
        {AGED("Age", "a"), ""},
        {AGED("Age", "ms"), ""},
        {AGED("Age", "[pt_us]/[acr_us]"), "code-invalid Condition.onsetAge.code 1:121"},
        {AGED("Age", "Cel"), "code-invalid Condition.onsetAge.code 1:121"},
        {AGED("Age", "kg"), "code-invalid Condition.onsetAge.code 1:121"},
        {SEARCH("\"type\":\"string\",\"base\":[\"Patient\"],\"derivedFrom\":\"http://hl7.org/fhir/SearchParameter/Patient-name\""), ""},
        {SEARCH("\"type\":\"token\",\"base\":[\"Patient\"],\"derivedFrom\":\"http://hl7.org/fhir/SearchParameter/Patient-name\""),
         "business-rule SearchParameter.type 1:118"},
        {SEARCH(
             "\"type\":\"string\",\"base\":[\"Patient\",\"Group\"],\"derivedFrom\":\"http://hl7.org/fhir/SearchParameter/Patient-name\""),
         "business-rule SearchParameter.base[1] 1:145"},
        {SEARCH("\"type\":\"composite\",\"base\":[\"Patient\"],\"expression\":\"x\""), "business-rule SearchParameter 1:1"},
        {ASKED("1"), ""},
        {ASKED("2"), ""},
        {ASKED("3"), "business-rule Questionnaire.item[1].item[0].enableWhen[0].question 1:183"},
        {CODES("\"content\":\"complete\",\"count\":3"), ""},
        {CODES("\"content\":\"complete\""), ""},
        {CODES("\"content\":\"fragment\",\"count\":9"), ""},
        {CODES("\"content\":\"complete\",\"count\":2"), "business-rule CodeSystem.count 1:139"},
        {CODES("\"content\":\"not-present\""), "business-rule CodeSystem.concept[0] 1:58"},
        {CODES("\"content\":\"supplement\",\"supplements\":\"http://a/b\""), ""},
        {CODES("\"content\":\"supplement\""), "business-rule CodeSystem.content 1:120"},
        {CODES("\"content\":\"complete\",\"supplements\":\"http://a/b\""), "business-rule CodeSystem.content 1:120"},
        {ASKED("4"), "business-rule Questionnaire.item[1].item[0].enableWhen[0].question 1:183"},
    };
    check_rows(row, COUNT(row));
}

TEST(a_narrative_holds_text_and_nothing_that_runs)
{
    static const struct {
        const char *text, *fault;
    } row[] = {
        {"<div xmlns=\"http://www.w3.org/1999/xhtml\"><table class=\"grid\" border='1'><tr><td colspan=\"2\" "
         "title='x'>a</td></tr></table></div>",
         NULL},
        {"<div><a href=\"https://a/b?c=d&amp;e=f\" name='n'>x</a><img src=\"#i\" alt=\"\"/></div>", NULL},
        {"<div><script>x</script></div>", "an element that a narrative may not have"},
        {"<div><form/></div>", "an element that a narrative may not have"},
        {"<div><DIV/></div>", "an element that a narrative may not have"},
        {"<div onclick=\"x\"/>", "an attribute that a narrative may not have"},
        {"<div href=\"x\"/>", "an attribute that a narrative may not have"},
        {"<div><a onmouseover='x' href='y'>z</a></div>", "an attribute that a narrative may not have"},
        {"<div><a href=' JavaScript:x'>z</a></div>", "a script as an address"},
        {"<div xmlns='http://www.w3.org/2000/svg'/>", "a namespace that is not XHTML's"},
        {"<div><a href=''>x</a></div>", "a link without an address"},
        {"<div>&nbsp;</div>", "an entity that XML does not have"},
        {"<div>&#xyz;</div>", "an entity that XML does not have"},
        {"<div title=\"&copy;\"/>", "an entity that XML does not have"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        const char *fault = xhtml_fault(slice_of(row[i].text));
        if (fault ? !row[i].fault || strcmp(fault, row[i].fault) != 0 : row[i].fault != NULL)
            fail_msg("%s: '%s', want '%s'", row[i].text, fault ? fault : "", row[i].fault ? row[i].fault : "");
    }
}

TEST(a_narrative_without_content_is_told)
{
    static const char *const empty[] = {"<div/>", "<div title='>x'> <p>\n</p><!-- x --><br/><?x y?></div>"};
    static const char *const full[] = {"<div>a</div>", "<div><img src='#a' alt=''/></div>", "<div><![CDATA[a]]></div>",
                                       "<div>&#160;</div>"};
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    for (size_t i = 0; i < COUNT(empty); i++)
        CHECK(!xhtml_fault(slice_of(empty[i])) && xhtml_empty(slice_of(empty[i])));
    for (size_t i = 0; i < COUNT(full); i++)
        CHECK(!xhtml_fault(slice_of(full[i])) && !xhtml_empty(slice_of(full[i])));
    CHECK_STR(verdict(a, PAT(",\"text\":{\"status\":\"generated\",\"div\":\"<div> </div>\"}"), NULL), "invariant Patient.text.div 1:62");
}

TEST(currencies_are_those_of_iso_4217)
{
    static const char *const good[] = {"EUR", "USD", "AED", "ZWR", "XAU", "DEM"}, *const bad[] = {"EUX", "eur", "EURO", "AAA", "ZZZ", ""};
    for (size_t i = 0; i < COUNT(good); i++)
        CHECK(match_currency(slice_of(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!match_currency(slice_of(bad[i])));
}

TEST(the_wanted_type_is_enforced)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    CHECK_STR(verdict(a, PAT(""), "Patient"), "");
    CHECK_STR(verdict(a, PAT(""), "Bundle"), "structure Resource 1:17");
    CHECK(fhir_is_resource(SLICE("Bundle")));
    CHECK(!fhir_is_resource(SLICE("Resource")));
    CHECK(!fhir_is_resource(SLICE("HumanName")));
}

/* What of the document could name a patient: every value, and property names that are not identifiers. */
TEST(no_message_repeats_a_value)
{
    static const char *const text[] = {
        PAT(",\"gender\":\"Geheim\",\"birthDate\":\"Geheim\",\"active\":\"Geheim\",\"name\":[{\"given\":\"Geheim\",\"Geheim "
            "1\":1,\"family\":[\"Geheim\"]}]"),
        "{\"resourceType\":\"Geheim\"}",
        "{\"resourceType\":\"Patient\",\"id\":\"Geheim "
        "\\u0020\",\"telecom\":[{\"system\":\"Geheim\"}],\"text\":{\"status\":\"Geheim\",\"div\":\"<div><Geheim></div>\"}}",
        "{\"resourceType\":\"Condition\",\"clinicalStatus\":{\"coding\":[{\"code\":\"Geheim\",\"system\":\"Geheim\"}]}}",
        "{\"resourceType\":\"Patient\",\"id\":\"Geheim\" Geheim}",
    };
    for (size_t i = 0; i < COUNT(text); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct fhir_report r;
        struct err e;
        CHECK_OK(fhir_validate_text(slice_of(text[i]), &(struct fhir_ask){.max_issues = 100}, a, NULL, &r, &e));
        CHECK(r.errors > 0);
        for (size_t k = 0; k < r.issues; k++)
            if (strstr(r.issue[k].text, "Geheim") || strstr(r.issue[k].expression, "Geheim"))
                fail_msg("'%s' [%s] repeats a value", r.issue[k].text, r.issue[k].expression);
    }
}

TEST(messages_say_what_was_found_and_expected)
{
    static const struct row row[] = {
        {PAT(",\"gender\":\"M\""), "found a code that is not allowed here, expected male | female | other | unknown"},
        {PAT(",\"Gender\":\"male\""), "found an unknown property, expected 'gender': names are case-sensitive"},
        {PAT(",\"birthDate\":\"1.2.2000\""),
         "found a string that is no date, expected a date that exists, as YYYY, YYYY-MM or YYYY-MM-DD"},
        {PAT(",\"name\":[1]"), "found a number, expected an object (HumanName)"},
        {"{\"resourceType\":\"Medication\",\"ingredient\":[{\"isActive\":true}]}",
         "found nothing, expected item[x]: it is required in Medication.ingredient"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct fhir_report r;
        struct err e;
        CHECK_OK(fhir_validate_text(slice_of(row[i].text), &(struct fhir_ask){.max_issues = 1}, a, NULL, &r, &e));
        CHECK_INT(r.issues, 1);
        CHECK_STR(r.issue[0].text, row[i].verdict);
    }
}

TEST(issues_past_the_limit_are_counted)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct fhir_report r;
    struct err e;
    struct slice text = SLICE(PAT(",\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1"));
    CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 2}, a, NULL, &r, &e));
    CHECK_INT(r.issues, 2);
    CHECK_INT(r.cut, 3);
    CHECK_INT(r.errors, 5);
    CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 0}, a, NULL, &r, &e));
    CHECK_INT(r.issues, 0);
    CHECK_INT(r.cut, 5);
    CHECK_OK(fhir_validate_text(SLICE("{"), &(struct fhir_ask){.max_issues = 0}, a, NULL, &r, &e));
    CHECK_INT(r.cut, 1);
}

TEST(a_resource_inside_a_request_is_checked_alone)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct json j;
    struct json_fault f;
    struct fhir_report r;
    struct err e;
    struct slice text = SLICE("{\"other\":[],\n\"bundle\":{\"resourceType\":\"Bundle\"}}");
    CHECK_INT(json_parse(a, text, &j, &f), 0);
    CHECK_OK(fhir_validate(&j, json_get(&j, 0, "bundle"), &(struct fhir_ask){.type = "Bundle", .max_issues = 10}, a, &r, &e));
    CHECK_INT(r.issues, 1);
    CHECK_STR(r.issue[0].expression, "Bundle.type");
    CHECK_INT(r.issue[0].line, 2);
    CHECK_INT(r.issue[0].column, 10);
}

static void check_short_of_memory(struct arena *a)
{
    struct slice text = SLICE(PAT(",\"gender\":\"M\",\"_active\":1,\"\\u0061\":1,\"name\":[{\"text\":\"\\t\"}]"));
    struct fhir_report r;
    struct err e = {0};
    if (fhir_validate_text(text, &(struct fhir_ask){.max_issues = 10}, a, NULL, &r, &e))
        CHECK_INT(e.code, ERR_NO_MEMORY);
    else
        CHECK_INT(r.errors, 3);
    for (size_t i = 0; e.code == ERR_NONE && i < r.issues; i++)
        CHECK(*r.issue[i].expression && *r.issue[i].text);
}

TEST(memory_that_runs_out_is_an_error_and_no_verdict)
{
    for (size_t limit = 0; limit < 6000; limit += 64) {
        OWN_ARENA struct arena *a = arena_new(limit);
        check_short_of_memory(a);
    }
#ifdef LAZARET_FAULTS
    for (long n = 1; n <= 40; n++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        fault_arm(FAULT_ALLOC, n, 0);
        check_short_of_memory(a);
        fault_arm(FAULT_ALLOC, 0, 0);
    }
#endif
}

/* "per-1 Patient.name[0].period; ...": the keys of the invariants that were reported, and where. */
static const char *broken(struct arena *a, const char *text)
{
    static const char before[] = "invariant ";
    struct fhir_report r;
    struct err e;
    struct buf b = buf_in(a, 1 << 16);
    CHECK_OK(fhir_validate_text(slice_of(text), &(struct fhir_ask){.max_issues = 100}, a, NULL, &r, &e));
    for (size_t i = 0; i < r.issues; i++) {
        const char *text_of = r.issue[i].text, *key = strncmp(text_of, before, sizeof before - 1) ? "?" : text_of + sizeof before - 1;
        buf_printf(&b, "%s%.*s%s %s", b.n ? "; " : "", (int)strcspn(key, " "), key, r.issue[i].severity == FHIR_WARNING ? "?" : "",
                   r.issue[i].expression);
    }
    buf_byte(&b, '\0');
    return b.p;
}

TEST(invariants_are_found_on_the_element_that_breaks_them)
{
    static const struct row row[] = {
        {PAT(",\"contact\":[{\"gender\":\"male\"}]"), "pat-1 Patient.contact[0]"},
        {PAT(",\"name\":[{\"period\":{\"start\":\"2020-02\",\"end\":\"2020-01\"}}]"), "per-1 Patient.name[0].period"},
        {PAT(",\"name\":[{\"period\":{\"start\":\"2020-02\",\"end\":\"2020-02-01\"}}]"), ""}, /* cannot be said */
        {PAT(",\"name\":[{\"period\":{\"start\":\"2020-02\",\"_end\":{\"extension\":[{\"url\":\"urn:u\",\"valueCode\":\"x\"}]}}}]"), ""},
        {PAT(",\"extension\":[{\"url\":\"urn:u\"}]"), "ext-1 Patient.extension[0]"},
        {PAT(",\"birthDate\":\"2020\",\"_birthDate\":{\"extension\":[{\"url\":\"urn:u\"}]}"), "ext-1 Patient.birthDate.extension[0]"},
        {PAT(",\"managingOrganization\":{\"reference\":\"#o\"}"), "ref-1 Patient.managingOrganization"},
        {PAT(",\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"x\"}]"), "dom-3 Patient.contained[0]"},
        {PAT(",\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"x\",\"meta\":{\"versionId\":\"1\"}}],"
             "\"managingOrganization\":{\"reference\":\"#o\"}"), "dom-4 Patient.contained[0]"},
        {PAT(",\"maritalStatus\":{\"id\":\"x\"}"), "ele-1 Patient.maritalStatus"},
        {PAT(",\"_birthDate\":{\"id\":\"x\"}"), "ele-1 Patient.birthDate"},
        {PAT(",\"birthDate\":\"2020\",\"_birthDate\":{\"id\":\"x\"}"), ""},
        {OBS(",\"valueQuantity\":{\"value\":1,\"code\":\"mg\"}"), "qty-3 Observation.valueQuantity"},
        {OBS(",\"valueInteger\":1,\"dataAbsentReason\":{\"text\":\"x\"}"), "obs-6 Observation"},
        {OBS(",\"referenceRange\":[{\"type\":{\"text\":\"x\"}}]"), "obs-3 Observation.referenceRange[0]"},
        {OBS(",\"referenceRange\":[{\"low\":{\"value\":1e1},\"high\":{\"value\":9.9}}]"), ""},
        {OBS(",\"contained\":[{\"resourceType\":\"Patient\",\"id\":\"p\",\"link\":[{\"other\":{\"reference\":\"#p\"},"
             "\"type\":\"refer\"}]}],"
             "\"subject\":{\"reference\":\"#p\"}"), ""}, /* %rootResource is the Observation */
        {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"total\":1,\"entry\":[{\"fullUrl\":\"urn:1\"},{\"fullUrl\":\"urn:2\","
         "\"resource\":{\"resourceType\":\"Patient\",\"managingOrganization\":{\"reference\":\"#o\"}}}]}",
         "bdl-1 Bundle.total; bdl-5 Bundle.entry[0]; ref-1 Bundle.entry[1].resource.managingOrganization"},
        {"{\"resourceType\":\"Organization\",\"name\":\"x\",\"telecom\":[{\"value\":\"1\"},{\"use\":\"home\"}]}",
         "cpt-2 Organization.telecom[0]; org-3 Organization.telecom[1]"},
        {"{\"resourceType\":\"Questionnaire\",\"status\":\"draft\",\"item\":[{\"linkId\":\"1\",\"type\":\"boolean\"},{\"linkId\":\"1\","
         "\"type\":\"boolean\",\"enableWhen\":[{\"question\":\"1\",\"operator\":\"exists\",\"answerBoolean\":true}]}]}",
         "que-2 Questionnaire"},
        {"{\"resourceType\":\"CarePlan\",\"status\":\"draft\",\"intent\":\"plan\",\"subject\":{\"display\":\"x\"},"
         "\"activity\":[{\"detail\":"
         "{\"status\":\"scheduled\",\"scheduledTiming\":{\"repeat\":{\"offset\":5,\"when\":[\"AC\",\"C\"]}}}}]}",
         "tim-9 CarePlan.activity[0].detail.scheduledTiming.repeat"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        const char *got = broken(a, row[i].text);
        if (strcmp(got, row[i].verdict) != 0)
            fail_msg("%s\n  got  '%s'\n  want '%s'", row[i].text, got, row[i].verdict);
    }
}

/* `n` contained resources, and what leads to each of them: `before`, the id, `after`. */
static struct slice many_contained(struct arena *a, int n, const char *list, const char *before, const char *after)
{
    struct buf b = buf_in(a, 1 << 24);
    buf_str(&b, "{\"resourceType\":\"List\",\"status\":\"current\",\"mode\":\"working\",\"contained\":[");
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%s{\"resourceType\":\"Basic\",\"id\":\"b%d\",\"code\":{\"text\":\"x\"}}", i ? "," : "", i);
    buf_printf(&b, "],\"%s\":[", list);
    for (int i = 0; i < n; i++)
        buf_printf(&b, "%s%s#b%d%s", i ? "," : "", before, i, after);
    buf_str(&b, "]}");
    return buf_text(&b);
}

/* eld-19 asks a regular expression of {1,64} of each path: that is cheap, though the most it could take is not. */
TEST(a_regular_expression_costs_what_it_takes)
{
    OWN_ARENA struct arena *a = arena_new(1 << 26);
    struct buf b = buf_in(a, 1 << 22);
    struct fhir_report r;
    struct err e;
    buf_str(&b, "{\"resourceType\":\"StructureDefinition\",\"url\":\"urn:a\",\"name\":\"A\",\"status\":\"draft\",\"kind\":\"resource\","
                "\"abstract\":false,"
                "\"type\":\"A\",\"snapshot\":{\"element\":[");
    for (int i = 0; i < 2000; i++)
        buf_printf(&b, "%s{\"path\":\"Observation.component.referenceRange.appliesTo.coding.display\"}", i ? "," : "");
    buf_str(&b, "]}}");
    CHECK_OK(fhir_validate_text(buf_text(&b), &(struct fhir_ask){.max_issues = 5000}, a, NULL, &r, &e));
    for (size_t i = 0; i < r.issues; i++)
        CHECK(strcmp(r.issue[i].code, "too-costly") != 0);
}

TEST(what_breaks_an_invariant_is_looked_for_so_often)
{
    enum { BUNDLES = 70, LOOKED = 64 };
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct buf b = buf_in(a, 1 << 20);
    struct fhir_report r;
    struct err e;
    buf_str(&b, "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[");
    for (int i = 0; i < BUNDLES; i++)
        buf_printf(&b, "%s{\"resource\":{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"total\":1}}", i ? "," : "");
    buf_str(&b, "]}");
    CHECK_OK(fhir_validate_text(buf_text(&b), &(struct fhir_ask){.max_issues = 100}, a, NULL, &r, &e));
    CHECK_INT(r.issues, BUNDLES);
    for (int i = 0; i < BUNDLES; i++)
        CHECK_STR(r.issue[i].expression, arena_printf(a, "Bundle.entry[%d].resource%s", i, i < LOOKED ? ".total" : ""));
}

TEST(best_practice_is_asked_where_it_is_asked_for)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct fhir_report r;
    struct err e;
    CHECK_OK(fhir_validate_text(SLICE(PAT("")), &(struct fhir_ask){.max_issues = 9, .best_practice = true}, a, NULL, &r, &e));
    CHECK_INT(r.issues, 1);
    CHECK_INT(r.errors, 0);
    CHECK(strstr(r.issue[0].text, "dom-6") && r.issue[0].severity == FHIR_WARNING);
}

/* Things that each look through all the others: what that may take grows with the document, not with its square. */
TEST(a_document_that_is_too_costly_is_refused)
{
    static const struct {
        const char *list, *before, *after, *key;
    } row[] = {
        {"entry", "{\"item\":{\"reference\":\"", "\"}}", "ref-1"},
        {"extension", "{\"url\":\"urn:u\",\"valueUri\":\"", "\"}", "dom-3"},
    };
    for (size_t i = 0; i < COUNT(row); i++)
        for (int n = 300; n <= 6000; n *= 20) {
            OWN_ARENA struct arena *a = arena_new((size_t)1 << 29);
            struct fhir_report r;
            struct err e;
            struct slice text = many_contained(a, n, row[i].list, row[i].before, row[i].after);
            CHECK_OK(fhir_validate_text(text, &(struct fhir_ask){.max_issues = 100}, a, NULL, &r, &e));
            CHECK_INT(r.errors, n > 300);
            if (r.errors) {
                CHECK_STR(r.issue[0].code, "too-costly");
                CHECK(strstr(r.issue[0].text, row[i].key));
            }
        }
}

TEST(all_invariants_of_r4_compile)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    CHECK_INT(fhir_invariant_count, 239);
    for (unsigned i = 0; i < fhir_invariant_count; i++) {
        const struct fhir_invariant *v = &fhir_invariants[i];
        const struct fhirpath *x;
        struct fhirpath_fault f;
        struct slice text = {fhir_pool + v->expression, v->expression_len};
        if (fhirpath_compile(text, FHIRPATH_FILTER, a, &x, &f))
            fail_msg("%.*s: %s", SLICE_FMT(text), f.text);
    }
}

/* The list the generator wrote beside the tables: a line an element. */
static struct slice elements(struct arena *a)
{
    const char *path = getenv("LAZARET_FHIR_ELEMENTS");
    OWN_FILE FILE *f = path ? fopen(path, "rb") : NULL;
    if (!f)
        fail_msg("LAZARET_FHIR_ELEMENTS names no file");
    char *p = arena_take(a, 1 << 21);
    return (struct slice){p, fread(p, 1, 1 << 21, f)};
}

TEST(the_tables_have_r4s_counts)
{
    OWN_ARENA struct arena *a = arena_new(1 << 24);
    struct slice rest = elements(a);
    size_t all = 0, choice = 0, reference = 0, required = 0, resources = 0;
    slice_cut(&rest, '\n');
    while (rest.n) {
        struct slice line = slice_cut(&rest, '\n'), path = slice_cut(&line, '\t');
        slice_cut(&line, '\t');
        slice_cut(&line, '\t');
        struct slice types = slice_cut(&line, '\t'), binding = slice_cut(&line, '\t');
        all++;
        choice += path.n > 3 && !memcmp(path.p + path.n - 3, "[x]", 3);
        reference += types.n && *types.p == '#';
        required += slice_is(binding, "required");
        resources += fhir_is_resource(path);
    }
    CHECK_INT(all, 7675);
    CHECK_INT(choice, 186);
    CHECK_INT(reference, 55);
    CHECK_INT(required, 366);
    CHECK_INT(resources, 146);
}

RUN(T(the_tables_have_r4s_counts), T(what_r4_allows_is_valid), T(defects_of_structure_are_found_where_they_are),
    T(defects_of_values_are_found_where_they_are), T(primitives_are_judged_by_r4s_grammars), T(a_narrative_is_one_well_formed_div),
    T(a_narrative_holds_text_and_nothing_that_runs), T(a_narrative_without_content_is_told), T(references_lead_where_they_may),
    T(a_bundle_answers_for_its_entries), T(a_bundle_is_about_one_patient_where_that_is_asked), T(what_definitions_say_in_words_is_asked),
    T(currencies_are_those_of_iso_4217), T(the_wanted_type_is_enforced), T(invariants_are_found_on_the_element_that_breaks_them),
    T(what_breaks_an_invariant_is_looked_for_so_often), T(a_regular_expression_costs_what_it_takes),
    T(best_practice_is_asked_where_it_is_asked_for), T(a_document_that_is_too_costly_is_refused), T(all_invariants_of_r4_compile),
    T(no_message_repeats_a_value), T(messages_say_what_was_found_and_expected), T(issues_past_the_limit_are_counted),
    T(a_resource_inside_a_request_is_checked_alone), T(memory_that_runs_out_is_an_error_and_no_verdict))
