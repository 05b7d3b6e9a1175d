#include "test.h"

#include <stdio.h>

#include "models/manifest.h"

static const char good[] =
    "{\"schema\":\"lazaret.model/1\",\"key\":\"ckd\",\"version\":\"1.0.0\",\"title\":\"eGFR\",\"targets\":[\"egfr\"],"
    "\"license\":\"CC0-1.0\",\"intendedUse\":\"Adults\",\"contraindications\":[\"dialysis\"],"
    "\"regulatory\":{\"status\":\"not-a-device\",\"udi\":null},\"modelCard\":{\"path\":\"card.md\"},"
    "\"performance\":[{\"metric\":\"P30\",\"value\":0.85,\"ci95\":[0.80,\"0.90\"],\"n\":400,\"population\":\"x\",\"citation\":\"y\"}],"
    "\"population\":{\"age\":{\"min\":\"18 a\",\"max\":\"110\"},\"sex\":[\"female\",\"male\"]},"
    "\"inputs\":{"
    "\"scr\":{\"resource\":\"Observation\",\"anyOf\":[{\"system\":\"http://loinc.org\",\"code\":\"2160-0\",\"units\":[\"mg/dL\"]},"
    "{\"system\":\"http://loinc.org\",\"code\":\"14682-9\",\"units\":[\"umol/L\"]}],\"display\":\"Creatinine\",\"unit\":\"mg/dL\","
    "\"accept\":[\"mg/dL\",\"umol/L\"],\"convert\":[{\"from\":\"umol/L\",\"ratio\":[\"10\",\"884\"]}],\"within\":\"P90D\","
    "\"count\":{\"min\":1,\"take\":\"latest\"},\"status\":[\"final\",\"amended\"],\"range\":{\"hard\":[0.05,\"40\"],\"soft\":[0.2,15]},"
    "\"precision\":\"as-given\"},"
    "\"rr\":{\"anyOf\":[{\"system\":\"http://loinc.org\",\"code\":\"9279-1\"}],\"unit\":\"/min\",\"accept\":[\"/min\",\"{breaths}/min\"],"
    "\"required\":false},"
    "\"o2\":{\"anyOf\":[{\"system\":\"http://loinc.org\",\"code\":\"3151-8\",\"units\":[\"L/min\"],\"range\":{\"hard\":[0,100]},"
    "\"above\":{\"limit\":0,\"then\":\"oxygen\",\"else\":\"air\"}}],\"enum\":[\"air\",\"oxygen\"],\"required\":false},"
    "\"age\":{\"derive\":\"Patient.birthDate@scr.effective\",\"unit\":\"a\",\"range\":{\"hard\":[18,120]}},"
    "\"sex\":{\"from\":\"Patient.gender\",\"enum\":[\"female\",\"male\"]},"
    "\"dm\":{\"from\":\"Condition\",\"anyOf\":[{\"system\":\"http://snomed.info/"
    "sct\",\"code\":\"73211009\"}],\"present\":true,\"absent\":false,"
    "\"absence\":\"must-assert\",\"required\":false}},"
    "\"groups\":[{\"id\":\"resp\",\"oneOf\":[[\"rr\"],[\"o2\",\"dm\"]]}],"
    "\"conditions\":[{\"id\":\"dialysis\",\"anyOf\":[{\"system\":\"http://snomed.info/"
    "sct\",\"code\":\"105502003\"}],\"role\":\"excludes\"}],"
    "\"output\":{\"schema\":{\"type\":\"object\"},\"fhir\":[{\"resource\":\"Observation\",\"code\":{\"system\":\"http://loinc.org\","
    "\"code\":\"98979-8\"},\"value\":\"/egfr\",\"unit\":\"mL/min\",\"interpretation\":\"/stage\"}]},"
    "\"runtime\":{\"kind\":\"stdio-json\",\"exec\":[\"./model\",\"-x\"],\"image\":\"none\",\"warm\":true,\"timeout\":\"PT3S\","
    "\"startTimeout\":\"PT10S\",\"limits\":{\"cpu\":1,\"memoryMiB\":64,\"pids\":8,\"tmpMiB\":16,\"outputKiB\":64},\"network\":\"none\","
    "\"isolation\":\"microvm\",\"gpu\":0,\"deterministic\":true},"
    "\"files\":{\"model\":{\"mode\":\"0555\",\"size\":3}},"
    "\"selftest\":[{\"name\":\"one\",\"inputs\":{\"scr\":{\"v\":\"1.0\",\"u\":\"mg/dL\"},\"age\":{\"v\":40},\"sex\":\"male\"},"
    "\"expect\":{\"egfr\":{\"near\":97.5,\"tol\":0.1},\"stage\":\"G1\"}}],"
    "\"signature\":{\"alg\":\"ed25519\",\"keyId\":\"k1\",\"sig\":\"c2ln\"}}";

/* `good` with the first `find` replaced; NULL when it is not there. */
static char *with(struct arena *a, const char *find, const char *put)
{
    const char *at = strstr(good, find);
    return at ? arena_printf(a, "%.*s%s%s", (int)(at - good), good, put, at + strlen(find)) : NULL;
}

TEST(a_manifest_is_read_whole)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct manifest m;
    struct err e = {0};
    CHECK_OK(manifest_parse(a, SLICE(good), &m, &e));
    CHECK_SLICE(m.key, "ckd");
    CHECK(manifest_serves(&m, SLICE("ckd")) && manifest_serves(&m, SLICE("egfr")) && !manifest_serves(&m, SLICE("egf")));
    CHECK_INT(m.inputs, 6);
    CHECK_INT(m.input[0].codes, 2);
    CHECK_INT(m.input[0].status, STATUS_FINAL | STATUS_AMENDED);
    CHECK_INT(m.input[0].within_us, 90LL * 86400 * 1000000);
    CHECK_SLICE(m.input[0].hard.low_text, "0.05");
    CHECK(!manifest_unit(&m.input[0], SLICE("umol/L"))->same && manifest_unit(&m.input[1], SLICE("{breaths}/min"))->same);
    CHECK_INT(m.input[1].status, STATUS_FINAL | STATUS_AMENDED | STATUS_CORRECTED);
    CHECK_INT(m.input[3].age_of, 0);
    CHECK(m.input[5].must_assert);
    CHECK_SLICE(m.input[5].present, "true");
    CHECK_INT(m.group[0].alternative[1], 1 << 2 | 1 << 5);
    CHECK_INT(m.age_min, 18);
    CHECK_INT(m.age_max, 110);
    CHECK(m.scored && !m.condition[0].must_assert && m.has_signature && m.runtime.microvm);
    CHECK_SLICE(m.runtime.exec[0], "/model/model");
    CHECK_INT(m.runtime.timeout_us, 3000000);
    CHECK_INT(m.selftests, 1);
}

TEST(what_is_wrong_is_named_with_its_place)
{
    static const struct {
        const char *find, *put, *error; /* error: how the detail begins */
    } row[] = {
        /* unknown fields, at every level */
        {"\"title\":", "\"titel\":\"x\",\"title\":", "/titel: is not a field here"},
        {"\"udi\":null", "\"udi\":null,\"class\":1", "/regulatory/class: is not"},
        {"\"citation\"", "\"doi\":1,\"citation\"", "/performance/0/doi: is not"},
        {"\"min\":\"18 a\"", "\"mean\":\"18 a\"", "/population/age/mean: is not"},
        {"\"precision\"", "\"freshness\"", "/inputs/scr/freshness: is not"},
        {"\"code\":\"2160-0\"", "\"code\":\"2160-0\",\"unit\":\"x\"", "/inputs/scr/anyOf/0/unit: is not"},
        {"\"soft\":[0.2,15]", "\"firm\":[0.2,15]", "/inputs/scr/range/firm: is not"},
        {"\"from\":\"umol/L\"", "\"of\":\"umol/L\"", "/inputs/scr/convert/0/of: is not"},
        {"\"gpu\":0", "\"gpus\":0", "/runtime/gpus: is not"},
        {"\"pids\":8", "\"files\":8", "/runtime/limits/files: is not"},
        {"\"near\":97.5", "\"about\":97.5", "/selftest/0/expect/egfr: needs both"},
        {"\"keyId\"", "\"key\"", "/signature/key: is not"},
        {"\"mode\":\"0555\"", "\"owner\":\"0555\"", "/files/model/owner: is not"},
        {"{\"type\":\"object\"}", "{\"type\":\"object\",\"title\":\"x\"}", "/output/schema/title: is no keyword"},
        {"\"interpretation\"", "\"meaning\"", "/output/fhir/0/meaning: is not"},
        /* names */
        {"lazaret.model/1", "lazaret.model/2", "/: 'schema' must be"},
        {"\"key\":\"ckd\"", "\"key\":\"CKD\"", "/key: may hold"},
        {"\"key\":\"ckd\"", "\"key\":\"../x\"", "/key: may hold"},
        {"\"version\":\"1.0.0\"", "\"version\":\"1.0\"", "/version: must look like"},
        {"\"version\":\"1.0.0\"", "\"version\":\"01.0.0\"", "/version: must look like"},
        {"\"version\":\"1.0.0\"", "\"version\":\"1.0.0-\"", "/version: must look like"},
        {"\"version\":\"1.0.0\"", "\"version\":\"1.0.0/..\"", "/version: must look like"},
        {"[\"egfr\"]", "[\"egfr\",\"egfr\"]", "/targets/1: stands in the list twice"},
        {"[\"egfr\"]", "[\"e gfr\"]", "/targets: may hold"},
        {"\"title\":\"eGFR\",", "", "/: is missing the field 'title'"},
        {"\"title\":\"eGFR\"", "\"title\":\"\"", "/title: must have 1 to 256"},
        {"\"title\":\"eGFR\"", "\"title\":\"e\\u0007\"", "/title: must not hold control"},
        {"\"scr\":{", "\"Scr\":{", "/inputs/Scr: is no name"},
        /* inputs */
        {"\"system\":\"http://loinc.org\",\"code\":\"2160-0\"", "\"code\":\"2160-0\"",
         "/inputs/scr/anyOf/0: is missing the field 'system'"},
        {"\"accept\":[\"mg/dL\",\"umol/L\"]", "\"accept\":[\"mg/dL\",\"umol/L\",\"mmol/L\"]", "/inputs/scr/accept: "},
        {"\"P90D\"", "\"P90D\",\"molarMass\":0", "/inputs/scr/molarMass: must be above zero"},
        {"\"P90D\"", "\"P90D\",\"charge\":0", "/inputs/scr/charge: must be a whole number of 1 to 99"},
        {"\"unit\":\"/min\"", "\"unit\":\"per minute\"", "/inputs/rr/unit: "},
        {"[\"/min\",\"{breaths}/min\"]", "[\"/min\",\"Cel\"]", "/inputs/rr/accept: "},
        {"[\"10\",\"884\"]", "[10,884]", "/inputs/scr/convert/0/ratio/0: must be a string"},
        {"[\"10\",\"884\"]", "[\"10\",\"0\"]", "/inputs/scr/convert/0/ratio: must be two whole numbers"},
        {"\"from\":\"umol/L\"", "\"from\":\"mg/dL\"", "/inputs/scr/convert/0: converts a unit"},
        {"\"units\":[\"umol/L\"]", "\"units\":[\"mol/L\"]", "/inputs/scr/anyOf/1: 'units' has 'mol/L'"},
        {"\"P90D\"", "\"90 days\"", "/inputs/scr/within: must be an ISO 8601"},
        {"\"P90D\"", "\"PT0S\"", "/inputs/scr/within: must be an ISO 8601"},
        {"{\"min\":1,", "{\"min\":65,", "/inputs/scr/count/min: must be a whole number of 1 to 64"},
        {"{\"min\":1,", "{\"min\":1,\"span\":\"PT1H\",", "/inputs/scr/count: 'span' is between two"},
        {"{\"min\":1,", "{\"min\":2,\"span\":\"an hour\",", "/inputs/scr/count/span: must be an ISO 8601"},
        {"{\"min\":1,", "{\"min\":2,\"minGap\":\"PT0S\",", "/inputs/scr/count/minGap: must be an ISO 8601"},
        {"{\"min\":1,", "{\"max\":1,", "/inputs/scr/count/max: is not a field here"},
        {"\"take\":\"latest\"", "\"take\":\"all\"", "/inputs/scr/count/take: can be"},
        {"\"P90D\"", "\"P90D\",\"meanPressure\":{}", "/inputs/scr/meanPressure: is missing the field 'decimals'"},
        {"\"P90D\"", "\"P90D\",\"meanPressure\":{\"decimals\":0}", "/inputs/scr: needs in 'anyOf' first the code of the mean itself"},
        {"\"code\":\"2160-0\"", "\"code\":\"2160-0\",\"pressure\":\"systolic\"", "/inputs/scr/anyOf/0/pressure: goes with 'meanP"},
        {"\"code\":\"2160-0\"", "\"code\":\"2160-0\",\"pressure\":\"high\"", "/inputs/scr/anyOf/0/pressure: can be"},
        {"\"take\":\"latest\"}", "\"take\":\"mean\",\"decimals\":1},\"meanPressure\":{\"decimals\":0}",
         "/inputs/scr/meanPressure: and \"take\": \"mean\" would round twice"},
        {"\"enum\":[\"air\",\"oxygen\"]", "\"enum\":[\"air\",\"oxygen\"],\"meanPressure\":{\"decimals\":0}",
         "/inputs/o2/meanPressure: is a number"},
        {"\"take\":\"latest\"", "\"take\":\"mean\"", "/inputs/scr/count: has 'decimals' (0 to 12) with"},
        {"\"take\":\"latest\"", "\"take\":\"latest\",\"decimals\":1", "/inputs/scr/count: has 'decimals' (0 to 12) with"},
        {"\"take\":\"latest\"", "\"take\":\"mean\",\"decimals\":13", "/inputs/scr/count/decimals: must be a whole number of 0 to 12"},
        {"\"enum\":[\"air\",\"oxygen\"]", "\"enum\":[\"air\",\"oxygen\"],\"count\":{\"take\":\"mean\",\"decimals\":1}",
         "/inputs/o2/count/take: can be \"latest\" or \"earliest\" of what is no number"},
        {"\"enum\":[\"air\",\"oxygen\"]", "\"enum\":[\"air\",\"oxygen\"],\"count\":{\"take\":\"lowest\"}",
         "/inputs/o2/count/take: can be \"latest\" or \"earliest\" of what is no number"},
        {"\"P90D\"", "\"P90D\",\"aliases\":[{\"from\":\"mg%\",\"to\":\"g/L\"}]", "/inputs/scr/aliases/0: stands for 'g/L', which"},
        {"\"P90D\"", "\"P90D\",\"aliases\":[{\"from\":\"umol/L\",\"to\":\"mg/dL\"}]", "/inputs/scr/aliases/0: 'umol/L' is accepted"},
        {"\"enum\":[\"air\",\"oxygen\"]", "\"enum\":[\"air\",\"oxygen\"],\"aliases\":[]", "/inputs/o2: has 'aliases' of units"},
        {"\"derive\"", "\"within\":\"PT1H\",\"derive\"", "/inputs/age/within: is not a field here"},
        {"[\"final\",\"amended\"]", "[\"final\",\"entered-in-error\"]", "/inputs/scr/status: may list"},
        {"[0.05,\"40\"]", "[41,\"40\"]", "/inputs/scr/range/hard: has its low end"},
        {"[0.05,\"40\"]", "[0.05]", "/inputs/scr/range/hard: must be [low, high]"},
        {"[0.05,\"40\"]", "[0.05,\"forty\"]", "/inputs/scr/range/hard: must be a decimal number"},
        {"[0.05,\"40\"]", "[0.05,\"040\"]", "/inputs/scr/range/hard: must be a decimal number"},
        {"\"as-given\"", "\"rounded\"", "/inputs/scr/precision: can only be"},
        {"\"unit\":\"mg/dL\",\"accept\"", "\"enum\":[\"a\"],\"accept\"", "/inputs/scr: has 'enum'"},
        {"\"unit\":\"mg/dL\",\"accept\"", "\"presence\":true,\"unit\":\"mg/dL\",\"accept\"", "/inputs/scr: has 'presence'"},
        {"\"unit\":\"mg/dL\",\"accept\"", "\"presence\":1,\"accept\"", "/inputs/scr/presence: must be true or false"},
        {"\"then\":\"oxygen\"", "\"then\":\"yes\"", "/inputs/o2/anyOf/0: 'above' gives a word"},
        {"\"range\":{\"hard\":[0,100]},\"above\"", "\"above\"", "/inputs/o2/anyOf/0/above: turns a number"},
        {",\"above\":{\"limit\":0,\"then\":\"oxygen\",\"else\":\"air\"}", "", "/inputs/o2/anyOf/0: says nowhere"},
        {"@scr.effective", "@scr.issued", "/inputs/age/derive: can be"},
        {"@scr.effective", "@sc.effective", "/inputs/age: 'derive' names no input"},
        {"@scr.effective", "@sex.effective", "/inputs/age: 'derive' names no input"},
        {"\"unit\":\"a\"", "\"unit\":\"mo\"", "/inputs/age: 'unit' of an age"},
        {"Patient.gender", "Patient.name", "/inputs/sex: 'from' can be"},
        {"\"present\":true,", "", "/inputs/dm: needs 'present'"},
        {"must-assert", "must", "/inputs/dm/absence: can be"},
        {"\"absence\"", "\"course\":\"always\",\"absence\"", "/inputs/dm/course: can be"},
        {"\"code\":\"73211009\"", "\"code\":\"73211009\",\"below\":true", "/inputs/dm/anyOf/0: 'below' is known of ICD codes only"},
        {"\"code\":\"73211009\"", "\"code\":\"73211009\",\"part\":1", "/inputs/dm/anyOf/0/part: must be true or false"},
        /* groups and conditions */
        {"[[\"rr\"],", "[[\"rs\"],", "/groups/0/oneOf/0: names 'rs'"},
        {"[[\"rr\"],", "[[\"scr\"],", "/groups/0/oneOf/0: names 'scr', which is required anyway"},
        {"[[\"rr\"],", "[[],", "/groups/0/oneOf/0: is an empty alternative"},
        {"\"excludes\"", "\"includes\"", "/conditions/0: 'role' can be"},
        {"\"id\":\"dialysis\"", "\"id\":\"rr\"", "/conditions/0: has the name of an input"},
        /* running */
        {"\"stdio-json\"", "\"http\"", "/runtime: 'kind' can be"},
        {"\"warm\":true", "\"reuse\":true", "/runtime: 'reuse' needs 'warm'"},
        {"\"stdio-json\"", "\"files\"", "/runtime: 'warm' needs \"stdio-json\""},
        {"\"./model\"", "\"model\"", "/runtime/exec: must begin with an absolute"},
        {"[\"./model\",\"-x\"]", "[]", "/runtime/exec: must not be empty"},
        {"\"image\":\"none\"", "\"image\":\"../none\"", "/runtime/image: must be the name"},
        {"\"image\":\"none\"", "\"image\":{\"oci\":\"sha256:00\"}", "/runtime/image: must be a string"},
        {"\"PT3S\"", "\"PT6M\"", "/runtime/timeout: must be a duration of"},
        {"\"memoryMiB\":64", "\"memoryMiB\":99999", "/runtime/limits/memoryMiB: must be a whole number"},
        {"\"network\":\"none\"", "\"network\":\"host\"", "/runtime: 'network' can be"},
        {"\"gpu\":0", "\"gpu\":1", "/runtime/gpu: must be a whole number"},
        {"\"0555\"", "\"4755\"", "/files/model: 'mode' can be"},
        /* self-tests */
        {"\"sex\":\"male\"}", "\"sex\":\"male\",\"x\":1}", "/selftest/0/inputs/x: is no input"},
        {",\"sex\":\"male\"}", "}", "/selftest/0/inputs: lacks the required input 'sex'"},
        {"\"u\":\"mg/dL\"}", "\"u\":\"umol/L\"}", "/selftest/0/inputs/scr: must be in the model's own unit"},
        {"\"v\":\"1.0\"", "\"v\":\"one\"", "/selftest/0/inputs/scr: must be a decimal"},
        {"\"tol\":0.1", "\"tol\":\"a\"", "/selftest/0/expect/egfr: must be a decimal"},
        {"[0.80,\"0.90\"]", "[0.95,\"0.90\"]", "/performance/0: 'ci95' has its low end"},
        {"\"18 a\"", "\"18 mo\"", "/population/age/min: must be whole years"},
        {"\"ed25519\"", "\"rsa\"", "/signature: 'alg' can be"},
        {"{\"schema\"", "[{\"schema\"", "line 1, column"},
        {"\"key\":\"ckd\"", "\"key\":\"ckd\",\"key\":\"x\"", "line 1, column"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct manifest m;
        struct err e = {0};
        char *text = with(a, row[i].find, row[i].put);
        if (!text)
            fail_msg("row %zu: '%s' is not in the manifest", i, row[i].find);
        if (manifest_parse(a, slice_of(text), &m, &e) == 0)
            fail_msg("'%s' for '%s' was accepted", row[i].put, row[i].find);
        if (strncmp(e.detail, row[i].error, strlen(row[i].error)) != 0)
            fail_msg("'%s' for '%s': %s", row[i].put, row[i].find, e.detail);
    }
}

TEST(limits_hold_at_the_entry_past_them)
{
    OWN_ARENA struct arena *a = arena_new(4 << 20);
    struct err e = {0};
    struct manifest m;
    for (int n = 64; n <= 65; n++) {
        struct buf b = buf_in(a, 1 << 20);
        buf_str(&b, "{\"schema\":\"lazaret.model/1\",\"key\":\"k\",\"version\":\"1.0.0\",\"title\":\"t\",\"output\":{\"schema\":{}},"
                    "\"runtime\":{\"kind\":\"stdio-json\",\"exec\":[\"/model/m\"],\"image\":\"none\"},\"inputs\":{");
        for (int i = 0; i < n; i++)
            buf_printf(&b, "%s\"i%d\":{\"anyOf\":[{\"system\":\"s\",\"code\":\"c\"}],\"unit\":\"1\"}", i ? "," : "", i);
        buf_str(&b, "}}");
        CHECK_INT(manifest_parse(a, buf_text(&b), &m, &e), n == 64 ? 0 : -1);
    }
    CHECK(strstr(e.detail, "/inputs: must be an object of 1 to 64 inputs"));
}

RUN(T(a_manifest_is_read_whole), T(what_is_wrong_is_named_with_its_place), T(limits_hold_at_the_entry_past_them))
