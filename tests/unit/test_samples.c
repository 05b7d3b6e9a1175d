/* The sample models run as children, without a sandbox: their self-tests, and Bundles all the way to an output. */
#include "model_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "models/pack.h"
#include "models/selftest.h"
#include "negotiate/negotiate.h"

/* Runs the pack's program with one request; its whole stdout. */
static struct slice run(struct arena *a, const struct pack *p, const char *folder, struct slice request)
{
    int to[2], from[2], status = 0;
    char *argv[MANIFEST_EXEC + 1] = {0};
    for (size_t i = 0; i < p->manifest.runtime.exec_n; i++) {
        struct slice arg = p->manifest.runtime.exec[i];
        argv[i] = slice_starts(arg, "/model/") ? arena_printf(a, "%s/%.*s", folder, (int)arg.n - 7, arg.p + 7) : arena_str(a, arg);
    }
    CHECK(pipe2(to, O_CLOEXEC) == 0 && pipe2(from, O_CLOEXEC) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        execve(argv[0], argv, (char *[]){"LANG=C.UTF-8", "TZ=UTC", NULL});
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    CHECK_INT(write(to[1], request.p, request.n), request.n);
    close(to[1]);
    struct buf b = buf_in(a, 1 << 16);
    char piece[512];
    ssize_t n;
    struct pollfd wait = {.fd = from[0], .events = POLLIN};
    while (poll(&wait, 1, 10000) > 0 && (n = read(from[0], piece, sizeof piece)) > 0)
        buf_add(&b, piece, (size_t)n);
    close(from[0]);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return buf_text(&b);
}

static struct wire_answer ask(struct arena *a, const struct pack *p, const char *folder, struct wire_request *q)
{
    struct slice line;
    struct wire_answer answer;
    struct err e = {0};
    q->id = SLICE("t1");
    q->deadline_ms = 2000;
    CHECK_OK(wire_request(a, q, &line, &e));
    CHECK_OK(
        wire_judge(a, run(a, p, folder, line), false, q->id, p->manifest.schema,
                   (size_t)p->manifest.runtime.output_kib * 1024, &answer, &e));
    return answer;
}

static const struct pack *load(struct arena *a, const char *key, const char **ret_folder)
{
    struct pack *p = TAKE_NEW(a, struct pack);
    struct err e = {0};
    *ret_folder = arena_printf(a, "%s/%s", models_folder(), key);
    CHECK_OK(pack_read(a, *ret_folder, p, &e));
    return p;
}

static void run_selftests(const char *key, size_t least)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    const char *folder, *why;
    const struct pack *p = load(a, key, &folder);
    CHECK(p->manifest.selftests >= least);
    for (size_t i = 0; i < p->manifest.selftests; i++) {
        struct err e = {0};
        struct wire_input *in;
        struct wire_request q = {.age = -1};
        CHECK_OK(selftest_inputs(a, &p->manifest, i, &in, &q.inputs, &e));
        q.input = in;
        struct wire_answer answer = ask(a, p, folder, &q);
        if (answer.end != WIRE_OUTPUT)
            fail_msg("%s self-test %zu: %s: %s", key, i, wire_end_name(answer.end), answer.why);
        if (selftest_check(a, &p->manifest, i, answer.output, &why) != 1)
            fail_msg("%s self-test %zu: %s in %.*s", key, i, why, SLICE_FMT(answer.output));
    }
}

TEST(news2_gives_the_published_vectors)
{
    run_selftests("news2", 45);
}
TEST(qsofa_gives_the_published_vectors)
{
    run_selftests("qsofa", 13);
}
TEST(sirs_gives_the_published_vectors)
{
    run_selftests("sirs", 10);
}
TEST(ckd_epi_2021_gives_the_published_vectors)
{
    run_selftests("ckd-epi-2021", 17);
}

TEST(cha2ds2_vasc_gives_the_published_vectors)
{
    run_selftests("cha2ds2-vasc", 16);
}

TEST(a_selftest_can_fail)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    const char *folder, *why;
    const struct pack *p = load(a, "ckd-epi-2021", &folder); /* expects 75.4988 +- 0.00005, 75, G2 */
    CHECK_INT(selftest_check(a, &p->manifest, 0, SLICE("{\"egfr\":75.49884,\"reported\":75,\"stage\":\"G2\"}"), &why), 1);
    CHECK_INT(selftest_check(a, &p->manifest, 0, SLICE("{\"egfr\":75.4989,\"reported\":75,\"stage\":\"G2\"}"), &why), 0);
    CHECK_INT(selftest_check(a, &p->manifest, 0, SLICE("{\"egfr\":75.4988,\"reported\":76,\"stage\":\"G2\"}"), &why), 0);
    CHECK(strstr(why, "'reported' is not 75"));
    CHECK_INT(selftest_check(a, &p->manifest, 0, SLICE("{\"egfr\":75.4988,\"reported\":75}"), &why), 0);
    p = load(a, "news2", &folder);
    CHECK_INT(
        selftest_check(
            a, &p->manifest, 0,
            SLICE(
                "{\"score\":0,\"risk\":\"low\",\"points\":{\"rr\":0,\"spo2\":0,\"o2\":0,\"sbp\":0,\"pulse\":0,\"acvpu\":0,\"temp\":1}}"),
            &why),
        0);
    CHECK(strstr(why, "'temp' is not 0"));
}

static struct wire_answer through(struct arena *a, const struct pack *p, const char *folder, const char *bundle)
{
    struct json *j = TAKE_NEW(a, struct json);
    struct json_fault f;
    struct err e = {0};
    struct decision d;
    struct wire_request q = {0};
    const struct manifest *m = &p->manifest;
    CHECK_INT(json_parse(a, slice_of(bundle), j, &f), 0);
    CHECK_OK(negotiate(a, &(struct negotiation){.doc = j, .model = &m, .models = 1, .at_us = AT}, &d, &e));
    if (!d.chosen)
        fail_msg("not ready: %s", reason_name(d.shown->missing[0].reason));
    CHECK_OK(decision_inputs(a, d.chosen, &q, &e));
    return ask(a, p, folder, &q);
}

TEST(a_bundle_goes_through_news2_to_its_score)
{
    static const struct {
        const char *rr, *spo2, *o2, *sbp, *pulse, *acvpu, *temp;
        int scale;
        const char *output; /* how it begins */
    } row[] = {
        {"16", "97", "0", "120", "75", "LA9340-6", "36.8", 1, "{\"score\":0,\"risk\":\"low\""},
        {"26", "90", "4", "85", "135", "LA9343-0", "34.5", 1, "{\"score\":20,\"risk\":\"high\""},
        {"22", "90", "2", "105", "95", "LA9340-6", "37.2", 2, "{\"score\":6,\"risk\":\"medium\""},
        {"22", "90", "2", "105", "95", "LA9340-6", "37.2", 1, "{\"score\":9,\"risk\":\"high\""},
        {"16", "98", "0", "118", "70", "LA6560-2", "36.6", 1, "{\"score\":3,\"risk\":\"low-medium\""},
        {"12", "96", "0", "111", "51", "LA9340-6", "36.1", 1, "{\"score\":0,\"risk\":\"low\""},
        {"20", "96", "0", "219", "90", "LA9340-6", "38.0", 1, "{\"score\":0,\"risk\":\"low\""},
        {"21", "95", "0", "220", "91", "LA9340-6", "38.1", 1, "{\"score\":8,\"risk\":\"high\""},
        {"24", "97", "1", "100", "110", "LA9340-6", "39.0", 2, "{\"score\":11,\"risk\":\"high\""},
        {"11", "97", "0", "91", "41", "LA9340-6", "35.0", 2, "{\"score\":7,\"risk\":\"high\""},
        {"8", "91", "0", "90", "40", "LA17107-6", "35.1", 1, "{\"score\":16,\"risk\":\"high\""},
        {"25", "92", "15", "101", "131", "LA17108-4", "39.1", 1, "{\"score\":16,\"risk\":\"high\""},
    };
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    const char *folder;
    const struct pack *p = load(a, "news2", &folder);
    for (size_t i = 0; i < COUNT(row); i++) {
        char *b = arena_printf(a, BUNDLE("%s%s%s"), NEWS2_ENTRIES, row[i].scale == 2 ? "," : "",
                               row[i].scale == 2 ? CONDITION(SCT("426896000"), "active", "confirmed") : "");
        b = with(a, b, "\"value\":22,", arena_printf(a, "\"value\":%s,", row[i].rr));
        b = with(a, b, "\"value\":90,", arena_printf(a, "\"value\":%s ,", row[i].spo2));
        b = with(a, b, "\"value\":105,", arena_printf(a, "\"value\":%s ,", row[i].sbp));
        b = with(a, b, "\"value\":95,", arena_printf(a, "\"value\":%s ,", row[i].pulse));
        b = with(a, b, "LA9340-6", row[i].acvpu);
        b = with(a, b, "\"value\":37.2,", arena_printf(a, "\"value\":%s ,", row[i].temp));
        b = with(a, b, "\"value\":2,", arena_printf(a, "\"value\":%s,", row[i].o2));
        struct wire_answer got = through(a, p, folder, b);
        CHECK_INT(got.end, WIRE_OUTPUT);
        if (!slice_starts(got.output, row[i].output))
            fail_msg("row %zu: %.*s", i, SLICE_FMT(got.output));
    }
}

TEST(a_bundle_goes_through_ckd_epi_2021_to_its_stage)
{
    static const struct {
        const char *code, *value, *unit, *birth, *gender, *output;
    } row[] = {
        {"2160-0", "0.9", "mg/dL", "1971-01-01", "female", "{\"egfr\": 75.4988"},   /* 55 */
        {"38483-4", "1.13", "mg/dL", "1968-11-20", "female", "{\"egfr\": 56.3941"}, /* 58 on the day */
        {"14682-9", "79.56", "umol/L", "1971-01-01", "female", "{\"egfr\": 75.4988"},
        {"14682-9", "88.4", "umol/L", "1986-01-01", "male", "{\"egfr\": 97.5751"},
        {"14682-9", "442", "umol/L", "1959-01-01", "male", "{\"egfr\": 11.9577"},
        {"14682-9", "0.442", "mmol/L", "1959-01-01", "male", "{\"egfr\": 11.9577"},
    };
    OWN_ARENA struct arena *a = arena_new(32 << 20);
    const char *folder;
    const struct pack *p = load(a, "ckd-epi-2021", &folder);
    for (size_t i = 0; i < COUNT(row); i++) {
        char *b = with(a, CKD_BUNDLE, "2160-0", row[i].code);
        b = with(a, b, "0.9,", arena_printf(a, "%s,", row[i].value));
        b = with(a, b, "\"code\":\"mg/dL\"", arena_printf(a, "\"code\":\"%s\"", row[i].unit));
        b = with(a, b, "1970-11-20", row[i].birth);
        b = with(a, b, "\"gender\":\"female\"", arena_printf(a, "\"gender\":\"%s\"", row[i].gender));
        struct wire_answer got = through(a, p, folder, b);
        CHECK_INT(got.end, WIRE_OUTPUT);
        if (!slice_starts(got.output, row[i].output))
            fail_msg("row %zu: %.*s", i, SLICE_FMT(got.output));
    }
}

TEST(a_model_says_that_it_cannot_rather_than_guess)
{
    OWN_ARENA struct arena *a = arena_new(16 << 20);
    const char *folder;
    for (int i = 0; i < 2; i++) {
        const struct pack *p = load(a, i ? "news2" : "ckd-epi-2021", &folder);
        struct wire_request q = {.age = -1};
        struct wire_answer got = ask(a, p, folder, &q);
        CHECK_INT(got.end, WIRE_MODEL_ERROR);
        CHECK_SLICE(got.code, "UNSUITABLE");
    }
}

RUN(T(news2_gives_the_published_vectors), T(qsofa_gives_the_published_vectors),
    T(sirs_gives_the_published_vectors), T(ckd_epi_2021_gives_the_published_vectors), T(cha2ds2_vasc_gives_the_published_vectors),
    T(a_selftest_can_fail),
    T(a_bundle_goes_through_news2_to_its_score), T(a_bundle_goes_through_ckd_epi_2021_to_its_stage),
    T(a_model_says_that_it_cannot_rather_than_guess))
