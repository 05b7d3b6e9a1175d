/* The card of a result: that a program said it, and what may be done with it, stands there whatever the program said. */
#include "model_test.h"

#include "api/cds.h"

static struct slice card_of(struct arena *a, const char *result)
{
    struct manifest *m = sample(a, "news2");
    struct model *model = TAKE_NEW(a, struct model);
    const uint8_t job[16] = {1, 2, 3, 4, 5, 6, 0x70, 8, 0x90, 10, 11, 12, 13, 14, 15, 16};
    struct job_view v = {.state = JOB_COMPLETED, .result = slice_of(result)};
    struct buf b = buf_in(a, 8 << 20);
    struct json_out o = json_out(&b);
    model->manifest = *m;
    snprintf(model->digest_text, sizeof model->digest_text, "sha256:00");
    cds_write_card(&o, model, job, &v, a);
    CHECK(!buf_failed(&b));
    return buf_text(&b);
}

static char *line_of(struct arena *a, size_t n, const char *before, const char *piece, const char *after)
{
    struct buf b = buf_in(a, 4 << 20);
    buf_str(&b, before);
    for (size_t i = 0; i < n; i++)
        buf_str(&b, piece);
    buf_str(&b, after);
    buf_byte(&b, 0);
    CHECK(!buf_failed(&b));
    return b.p;
}

TEST(its_origin_is_told_however_much_a_model_says)
{
    OWN_ARENA struct arena *a = arena_new(64 << 20);
    const char *const row[] = {
        "{\"score\":3}",
        line_of(a, 300000, "{\"score\":3,\"text\":\"", ":", "\"}"),
        line_of(a, 100000, "{\"list\":[", "1,", "1]}"),
        line_of(a, 199, "{\"", ":", "\":1}"),
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct slice text = card_of(a, row[i]);
        struct json j;
        struct json_fault f;
        CHECK(json_parse(a, text, &j, &f) == 0);
        struct slice detail = json_get_text(&j, 0, "detail", a), summary = json_get_text(&j, 0, "summary", a);
        const char *z = arena_str(a, detail);
        if (!strstr(z, "Asserted by a program, and seen by nobody yet") || !strstr(z, "not for clinical use"))
            fail_msg("%zu: it does not say whose it is: %.300s", i, z);
        CHECK(summary.n > 0 && summary.n < 140);
    }
}

TEST(what_a_model_says_is_no_markup)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct json j;
    struct json_fault f;
    struct slice text = card_of(a, "{\"say\":\"<b>x</b> [a](http://b) |\\n# c\"}");
    CHECK(json_parse(a, text, &j, &f) == 0);
    const char *z = arena_str(a, json_get_text(&j, 0, "detail", a));
    if (!strstr(z, "| say | &#60;b&#62;x&#60;/b&#62; \\[a\\]\\(http&#58;//b\\) \\| \\# c |\n"))
        fail_msg("%s", z);
}

RUN(T(its_origin_is_told_however_much_a_model_says), T(what_a_model_says_is_no_markup))
