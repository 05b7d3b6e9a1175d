#include "test.h"

#include "models/wire.h"

static struct schema *schema_of(struct arena *a, const char *text)
{
    struct json *j = TAKE_NEW(a, struct json);
    struct json_fault f;
    struct err e = {0};
    struct schema *s = NULL;
    CHECK_INT(json_parse(a, slice_of(text), j, &f), 0);
    CHECK_OK(schema_parse(a, j, 0, "", &s, &e));
    return s;
}

TEST(the_request_is_one_line_without_identifiers)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct slice line;
    struct wire_input in[] = {{SLICE("rr"), SLICE("22.0"), SLICE("/min"), 1795615080000000},
                              {SLICE("o2"), SLICE("\"air\""), {NULL, 0}, WIRE_NO_TIME}};
    struct wire_request q = {SLICE("a1"), in, 2, 67, SLICE("female"), 2000};
    CHECK_OK(wire_request(a, &q, &line, &e));
    CHECK_SLICE(line, "{\"id\":\"a1\",\"inputs\":{\"rr\":{\"v\":22.0,\"u\":\"/min\",\"t\":\"2026-11-25T13:58:00.000000Z\"},"
                      "\"o2\":{\"v\":\"air\"}},\"patient\":{\"age\":67,\"sex\":\"female\"},\"deadline_ms\":2000}\n");
    q = (struct wire_request){SLICE("a1"), NULL, 0, -1, {NULL, 0}, 5};
    CHECK_OK(wire_request(a, &q, &line, &e));
    CHECK_SLICE(line, "{\"id\":\"a1\",\"inputs\":{},\"patient\":{},\"deadline_ms\":5}\n");
    q.id = SLICE("Patient/p1");
    CHECK_INT(wire_request(a, &q, &line, &e), -1);
}

#define OUT "{\"id\":\"a1\",\"output\":{\"score\":2}}\n"

TEST(an_answer_is_judged_by_everything_the_program_wrote)
{
    static const struct {
        const char *out;
        enum wire_end end;
        const char *text; /* the output, the error's code, or a part of the reason */
    } row[] = {
        {OUT, WIRE_OUTPUT, "{\"score\":2}"},
        {"{\"id\":\"a1\",\"output\":{\"score\":2}}", WIRE_OUTPUT, "{\"score\":2}"},
        {"{\"output\" : { \"score\" : 2.0 } , \"id\":\"\\u0061\\u0031\"}\r\n", WIRE_OUTPUT, "{ \"score\" : 2.0 }"},
        {"{\"id\":\"a1\",\"progress\":0.5}\n{\"id\":\"a1\",\"progress\":1}\n" OUT, WIRE_OUTPUT, "{\"score\":2}"},
        {"{\"id\":\"a1\",\"error\":{\"code\":\"UNSUITABLE\",\"message\":\"too young\",\"retry\":false}}\n", WIRE_MODEL_ERROR,
         "UNSUITABLE"},
        {"{\"id\":\"a1\",\"error\":{\"code\":\"LATER\",\"retry\":true}}\n", WIRE_MODEL_ERROR, "LATER"},
        {"{\"id\":\"a1\",\"output\":{\"score\":21}}\n", WIRE_OUTPUT_INVALID, "/score: is above"},
        {"{\"id\":\"a1\",\"output\":{\"score\":2,\"name\":\"x\"}}\n", WIRE_OUTPUT_INVALID, "/: has a member"},
        {"{\"id\":\"a1\",\"output\":{}}\n", WIRE_OUTPUT_INVALID, "'score' is absent"},
        {"{\"id\":\"a1\",\"output\":7}\n", WIRE_PROTOCOL, "'output' must be an object"},
        {"", WIRE_PROTOCOL, "without an answer"},
        {"{\"id\":\"a1\",\"progress\":0.5}\n", WIRE_PROTOCOL, "without an answer"},
        {"{\"id\":\"a2\",\"output\":{\"score\":2}}\n", WIRE_PROTOCOL, "another id"},
        {"{\"id\":1,\"output\":{\"score\":2}}\n", WIRE_PROTOCOL, "no object with an 'id'"},
        {"{\"output\":{\"score\":2}}\n", WIRE_PROTOCOL, "no object with an 'id'"},
        {OUT OUT, WIRE_PROTOCOL, "more after the answer"},
        {OUT "{\"id\":\"a1\",\"progress\":1}\n", WIRE_PROTOCOL, "more after the answer"},
        {OUT "{\"id\":\"a1\",\"error\":{\"code\":\"X\"}}\n", WIRE_PROTOCOL, "more after the answer"},
        {OUT "done\n", WIRE_PROTOCOL, "not JSON"},
        {OUT "\n", WIRE_PROTOCOL, "not JSON"},
        {"loading\n" OUT, WIRE_PROTOCOL, "not JSON"},
        {"{\"id\":\"a1\",\"output\":{\"score\":NaN}}\n", WIRE_PROTOCOL, "not JSON"},
        {"{\"id\":\"a1\",\"output\":{\"score\":Infinity}}\n", WIRE_PROTOCOL, "not JSON"},
        {"{\"id\":\"a1\",\"output\":{\"score\":2,\"score\":3}}\n", WIRE_PROTOCOL, "not JSON"},
        {"{\"id\":\"a1\",\"output\":{\"score\":2}", WIRE_PROTOCOL, "not JSON"},
        {"{\"id\":\"a1\",\"output\":{\"score\":2},\"error\":{\"code\":\"X\"}}\n", WIRE_PROTOCOL, "exactly one"},
        {"{\"id\":\"a1\",\"output\":{\"score\":2},\"extra\":1}\n", WIRE_PROTOCOL, "exactly one"},
        {"{\"id\":\"a1\"}\n", WIRE_PROTOCOL, "exactly one"},
        {"{\"id\":\"a1\",\"progress\":1.5}\n" OUT, WIRE_PROTOCOL, "0 to 1"},
        {"{\"id\":\"a1\",\"progress\":\"half\"}\n" OUT, WIRE_PROTOCOL, "0 to 1"},
        {"{\"id\":\"a1\",\"error\":{\"code\":\"too young!\"}}\n", WIRE_PROTOCOL, "'code'"},
        {"{\"id\":\"a1\",\"error\":\"X\"}\n", WIRE_PROTOCOL, "'code'"},
        {"{\"id\":\"a1\",\"error\":{\"code\":\"X\",\"message\":5}}\n", WIRE_PROTOCOL, "'message'"},
        {"{\"id\":\"a1\",\"error\":{\"code\":\"X\",\"retry\":1}}\n", WIRE_PROTOCOL, "'retry'"},
        {"[1]\n", WIRE_PROTOCOL, "no object"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        struct err e = {0};
        struct wire_answer got;
        const struct schema *s = schema_of(a, "{\"type\":\"object\",\"required\":[\"score\"],\"additionalProperties\":false,"
                                              "\"properties\":{\"score\":{\"type\":\"integer\",\"maximum\":20}}}");
        CHECK_OK(wire_judge(a, slice_of(row[i].out), false, SLICE("a1"), s, 4096, &got, &e));
        if (got.end != row[i].end)
            fail_msg("%s: judged %s (%s)", row[i].out, wire_end_name(got.end), got.why ? got.why : "");
        if (got.end == WIRE_OUTPUT)
            CHECK_SLICE(got.output, row[i].text);
        else if (got.end == WIRE_MODEL_ERROR)
            CHECK_SLICE(got.code, row[i].text);
        else if (!strstr(got.why, row[i].text))
            fail_msg("%s: reason '%s'", row[i].out, got.why);
        CHECK(got.end == WIRE_OUTPUT || got.output.p == NULL); /* nothing of a refused output is passed on */
    }
}

TEST(too_much_output_is_refused_at_the_byte)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct wire_answer got;
    CHECK_OK(wire_judge(a, SLICE(OUT), false, SLICE("a1"), NULL, sizeof OUT - 1, &got, &e));
    CHECK_INT(got.end, WIRE_OUTPUT);
    CHECK_OK(wire_judge(a, SLICE(OUT), false, SLICE("a1"), NULL, sizeof OUT - 2, &got, &e));
    CHECK_INT(got.end, WIRE_TOO_LARGE);
    CHECK(got.output.p == NULL);
}

TEST(the_last_progress_is_kept)
{
    OWN_ARENA struct arena *a = arena_new(1 << 20);
    struct err e = {0};
    struct wire_answer got;
    CHECK_OK(wire_judge(a, SLICE("{\"id\":\"a1\",\"progress\":0.25}\n{\"id\":\"a1\",\"progress\":0.750}\n"), false, SLICE("a1"), NULL,
                        999, &got, &e));
    CHECK_SLICE(got.progress, "0.750");
}

TEST(a_file_is_one_answer_on_as_many_lines_as_it_likes)
{
    static const struct {
        const char *out;
        enum wire_end end;
    } row[] = {
        {"{\n  \"id\": \"a1\",\n  \"output\": {\n \"score\": 2}\n}\n", WIRE_OUTPUT},
        {OUT, WIRE_OUTPUT},
        {"{\"id\":\"a1\",\n\"error\":{\"code\":\"UNSUITABLE\"}}", WIRE_MODEL_ERROR},
        {OUT OUT, WIRE_PROTOCOL},
        {"{\"id\":\"a2\",\"output\":{}}", WIRE_PROTOCOL},
        {"{\"id\":\"a1\",\"progress\":1}", WIRE_PROTOCOL},
        {"", WIRE_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 18);
        struct err e = {0};
        struct wire_answer got;
        CHECK_OK(wire_judge(a, slice_of(row[i].out), true, SLICE("a1"), NULL, 4096, &got, &e));
        if (got.end != row[i].end)
            fail_msg("row %zu: %s", i, wire_end_name(got.end));
    }
}

TEST(progress_is_seen_in_a_line_while_the_program_runs)
{
    static const struct {
        const char *line;
        int percent; /* -1: none */
    } row[] = {
        {"{\"id\":\"a1\",\"progress\":0}", 0},
        {"{\"id\":\"a1\",\"progress\":0.009}", 0},
        {"{\"id\":\"a1\",\"progress\":0.29}", 29},
        {"{\"id\":\"a1\",\"progress\":0.5012}", 50},
        {"{\"id\":\"a1\",\"progress\":1}", 100},
        {"{\"id\":\"a1\",\"progress\":1.01}", -1},
        {"{\"id\":\"a1\",\"progress\":-0.1}", -1},
        {"{\"id\":\"a1\",\"progress\":\"0.5\"}", -1},
        {"{\"id\":\"a2\",\"progress\":0.5}", -1},
        {"{\"id\":\"a1\",\"output\":{}}", -1},
        {"{\"id\":\"a1\"", -1},
        {"[0.5]", -1},
        {"", -1},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        OWN_ARENA struct arena *a = arena_new(1 << 16);
        int got = -1;
        if (!wire_progress(a, slice_of(row[i].line), SLICE("a1"), &got))
            got = -1;
        if (got != row[i].percent)
            fail_msg("%s: %d", row[i].line, got);
    }
}

TEST(progress_is_limited_in_length_and_number)
{
    struct err e = {0};
    struct wire_answer got;
    for (int lines = WIRE_PROGRESSES; lines <= WIRE_PROGRESSES + 1; lines++) {
        OWN_ARENA struct arena *a = arena_new(4 << 20);
        struct buf b = buf_in(a, 1 << 20);
        for (int i = 0; i < lines; i++)
            buf_str(&b, "{\"id\":\"a1\",\"progress\":0.5}\n");
        buf_str(&b, OUT);
        CHECK_OK(wire_judge(a, buf_text(&b), false, SLICE("a1"), NULL, 1 << 20, &got, &e));
        CHECK_INT(got.end, lines > WIRE_PROGRESSES ? WIRE_PROTOCOL : WIRE_OUTPUT);
    }
    for (int spaces = 0; spaces < 400; spaces += 300) {
        OWN_ARENA struct arena *a = arena_new(1 << 20);
        char *text = arena_printf(a, "{\"id\":\"a1\",%*s\"progress\":0.5}\n%s", spaces, "", OUT);
        CHECK_OK(wire_judge(a, slice_of(text), false, SLICE("a1"), NULL, 1 << 20, &got, &e));
        CHECK_INT(got.end, spaces ? WIRE_PROTOCOL : WIRE_OUTPUT);
    }
}

RUN(T(the_request_is_one_line_without_identifiers), T(an_answer_is_judged_by_everything_the_program_wrote),
    T(too_much_output_is_refused_at_the_byte), T(the_last_progress_is_kept),
    T(a_file_is_one_answer_on_as_many_lines_as_it_likes), T(progress_is_seen_in_a_line_while_the_program_runs),
    T(progress_is_limited_in_length_and_number))
