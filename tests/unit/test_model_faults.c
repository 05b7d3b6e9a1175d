/* The n-th allocation fails, for every n: each step gives the same answer as without, or says that memory is out. Strings are
 * written with escapes, so that reading each of them allocates. */
#include "model_test.h"

#include "base/fault.h"
#include "models/pack.h"
#include "models/selftest.h"
#include "negotiate/negotiate.h"

#ifdef LAZARET_FAULTS

/* JSON whose every string and key has its first letter escaped. */
static struct slice escaped(struct arena *a, const char *text)
{
    struct buf b = buf_in(a, 1 << 20);
    bool inside = false;
    for (const char *p = text; *p; p++) {
        if (*p == '\\') {
            buf_add(&b, p++, 2);
            continue;
        }
        inside ^= *p == '"';
        if (inside && *p == '"' && p[1] != '"' && p[1] != '\\') {
            buf_printf(&b, "\"\\u%04x", (unsigned char)p[1]);
            p++;
            continue;
        }
        buf_byte(&b, *p);
    }
    CHECK(!buf_failed(&b));
    return buf_text(&b);
}

struct run {
    struct slice manifest, bundle, output;
};

/* The whole way of a decision; its text, the wire line and the verdict on an output, in a row. */
static int whole_way(struct arena *a, const struct run *r, struct slice *ret, struct err *e)
{
    struct manifest m;
    const struct manifest *list = &m;
    struct json j;
    struct json_fault f;
    struct decision d;
    struct slice text, line, canonical;
    struct wire_request q = {.id = SLICE("t1")};
    struct wire_answer answer;
    if (manifest_parse(a, r->manifest, &m, e) || pack_canonical(a, &m.json, NULL, 0, &canonical, e))
        return -1;
    if (json_parse(a, r->bundle, &j, &f))
        return err_set(e, f.what ? ERR_BAD_JSON : ERR_NO_MEMORY, "bundle");
    if (negotiate(a, &(struct negotiation){.doc = &j, .model = &list, .models = 1, .at_us = AT}, &d, e) ||
        decision_inputs(a, &d.candidate[0], &q, e) || decision_text(a, &d, &text, e) || wire_request(a, &q, &line, e) ||
        wire_judge(a, r->output, false, q.id, m.schema, 4096, &answer, e))
        return -1;
    const char *why;
    int passed = answer.end == WIRE_OUTPUT ? selftest_check(a, &m, 0, answer.output, &why) : 0;
    if (passed < 0)
        return err_set(e, ERR_NO_MEMORY, "self-test");
    char *all =
        arena_printf(a, "%.*s%.*s%.*s%s%d", SLICE_FMT(canonical), SLICE_FMT(text), SLICE_FMT(line), wire_end_name(answer.end), passed);
    if (!all)
        return err_set(e, ERR_NO_MEMORY, "test");
    *ret = slice_of(all);
    return 0;
}

static void check_run(const char *manifest, const char *bundle, const char *output, const char *begins)
{
    OWN_ARENA struct arena *keep = arena_new(8 << 20);
    struct run r = {escaped(keep, manifest), escaped(keep, bundle), escaped(keep, output)};
    struct err e = {0};
    struct slice good, got;
    fault_arm(FAULT_ALLOC, 0, 0);
    CHECK_OK(whole_way(keep, &r, &good, &e));
    CHECK(strstr(good.p, begins));
    long n = 1, failed = 0;
    for (;; n++) {
        OWN_ARENA struct arena *a = arena_new(8 << 20);
        e = (struct err){0};
        fault_arm(FAULT_ALLOC, n, 0);
        int bad = whole_way(a, &r, &got, &e);
        long hits = fault_count(FAULT_ALLOC);
        fault_arm(FAULT_ALLOC, 0, 0);
        if (bad && e.code != ERR_NO_MEMORY)
            fail_msg("allocation %ld: %s: %s", n, err_name(e.code), e.detail);
        if (!bad && !slice_eq(good, got))
            fail_msg("allocation %ld gives another answer: %.*s", n, SLICE_FMT(got));
        failed += bad != 0;
        if (hits < n)
            break;
    }
    CHECK(failed > 50);
}

#define CKD_OUTPUT "{\"id\":\"t1\",\"output\":{\"egfr\":75.4988,\"reported\":75,\"stage\":\"G2\"}}\n"

TEST(memory_that_is_out_never_changes_a_decision)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    char *ckd = arena_str(a, file_text(a, arena_printf(a, "%s/ckd-epi-2021/manifest.json", models_folder())));
    check_run(ckd, CKD_BUNDLE, CKD_OUTPUT, "OUTPUT1");
    check_run(ckd, with(a, CKD_BUNDLE, "\"code\":\"mg/dL\"", "\"code\":\"umol/L\""), CKD_OUTPUT, "unit-contradicts-code");
    char *moles = with(a, with(a, CKD_BUNDLE, "\"code\":\"mg/dL\"", "\"code\":\"umol/L\""), "2160-0", "14682-9");
    check_run(ckd, with(a, moles, "0.9,", "79.56,"), "{\"id\":\"t1\",\"error\":{\"code\":\"LATER\"}}\n", "MODEL_ERROR0");
    check_run(ckd, NEWS2_BUNDLE, "{\"id\":\"t1\",\"output\":{\"egfr\":75.4988,\"reported\":75,\"stage\":\"G9\"}}\n", "OUTPUT_INVALID0");
}

TEST(memory_that_is_out_never_changes_a_score)
{
    OWN_ARENA struct arena *a = arena_new(8 << 20);
    char *news2 = arena_str(a, file_text(a, arena_printf(a, "%s/news2/manifest.json", models_folder())));
    char *from = strstr(news2, "\"selftest\"");
    char *one =
        arena_printf(a,
                     "%.*s\"selftest\":[{\"inputs\":{\"rr\":16,\"spo2\":97,\"o2\":\"air\",\"sbp\":120,\"pulse\":75,\"acvpu\":\"A\","
                     "\"temp\":36.8,\"scale\":1},\"expect\":{\"risk\":\"low\"}}]}",
                     (int)(from - news2), news2);
    char *text = arena_printf(a, BUNDLE("%s,%s"), NEWS2_ENTRIES, CONDITION(SCT("426896000"), "active", "confirmed"));
    check_run(one, text,
              "{\"id\":\"t1\",\"output\":{\"score\":0,\"risk\":\"low\",\"points\":{\"rr\":0,\"spo2\":0,\"o2\":0,\"sbp\":0,\"pulse\":0,"
              "\"acvpu\":0,\"temp\":0}}}\n",
              "OUTPUT1");
}

TEST(memory_that_is_out_is_no_verdict_of_a_schema)
{
    OWN_ARENA struct arena *keep = arena_new(1 << 20);
    struct json s, v;
    struct json_fault f;
    struct schema *schema;
    struct err e = {0};
    const char *why;
    long n = 1, hits;
    CHECK_INT(json_parse(keep,
                         escaped(keep, "{\"properties\":{\"risk\":{\"enum\":[\"low\",\"high\"]}},\"required\":[\"risk\"],"
                                       "\"additionalProperties\":false}"),
                         &s, &f),
              0);
    CHECK_INT(json_parse(keep, escaped(keep, "{\"risk\":\"high\"}"), &v, &f), 0);
    CHECK_OK(schema_parse(keep, &s, 0, "", &schema, &e));
    do {
        OWN_ARENA struct arena *a = arena_new(1 << 16);
        fault_arm(FAULT_ALLOC, n, 0);
        int ok = schema_check(schema, &v, 0, a, &why);
        hits = fault_count(FAULT_ALLOC);
        fault_arm(FAULT_ALLOC, 0, 0);
        CHECK_INT(ok, hits < n ? 1 : -1);
        n++;
    } while (hits >= n - 1);
    CHECK(n > 4);
}

RUN(T(memory_that_is_out_never_changes_a_decision), T(memory_that_is_out_never_changes_a_score),
    T(memory_that_is_out_is_no_verdict_of_a_schema))
#else
TEST(without_fault_hooks_there_is_nothing_to_arm)
{
    CHECK(fault_switch("x") == 0);
}
RUN(T(without_fault_hooks_there_is_nothing_to_arm))
#endif
