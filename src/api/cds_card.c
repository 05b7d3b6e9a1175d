/* cds_card.c -- what became of a job, as a card for whoever looks at the patient. Its uuid is the job's id. */
#include "api/cds.h"

/* CDS Hooks: a summary has less than 140 characters. */
enum { SUMMARY_MAX = 139, TITLE_MAX = 100, VALUE_MAX = 200, ROWS_MAX = 64, PATH_MAX_BYTES = 200 };
enum { DETAIL_MAX = 512 * 1024 }; /* more than all that is cut takes */

struct card {
    const struct model *model;
    struct json result;
    struct arena *arena;
    int rows;
};

/* Up to `max` characters; what is longer ends in three dots. */
static struct slice cut(struct slice s, size_t max, struct arena *a)
{
    size_t characters = 0, at = s.n;
    for (size_t i = 0; i < s.n; i++) {
        if (((unsigned char)s.p[i] & 0xc0) == 0x80)
            continue;
        if (characters++ == max - 3)
            at = i;
    }
    if (characters <= max)
        return s;
    return slice_of(arena_printf(a, "%.*s...", (int)at, s.p));
}

/* What stands in Markdown as it is: nothing of it is markup, a link or HTML. */
static void put_plain(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '<' || c == '>' || c == '&' || c == ':' || c == '@')
            buf_printf(b, "&#%d;", c);
        else if ((unsigned char)c < ' ')
            buf_byte(b, ' ');
        else if (strchr("\\`*_{}[]()#+-.!|~", c))
            buf_printf(b, "\\%c", c);
        else
            buf_byte(b, c);
    }
}

static bool is_scalar(enum json_kind k)
{
    return k != JSON_OBJECT && k != JSON_ARRAY;
}

static struct slice words_of(const struct card *c, uint32_t node)
{
    switch (json_kind(&c->result, node)) {
    case JSON_TRUE: return SLICE("yes");
    case JSON_FALSE: return SLICE("no");
    case JSON_STRING: return json_text(&c->result, node, c->arena);
    default: return json_span(&c->result, node);
    }
}

/* "TITLE: score 2, positive yes": what the model answered, as far as it is not nested. */
static struct slice summary_of(struct card *c)
{
    const struct json *j = &c->result;
    struct buf b = buf_in(c->arena, 64 * 1024);
    const char *before = ": ";
    buf_slice(&b, cut(c->model->manifest.title, TITLE_MAX, c->arena));
    for (uint32_t k = json_first(j, 0); k != json_end(j, 0); k = json_next(j, k))
        if (is_scalar(json_kind(j, json_value(k)))) {
            buf_printf(&b, "%s%.*s ", before, SLICE_FMT(json_text(j, k, c->arena)));
            buf_slice(&b, cut(words_of(c, json_value(k)), SUMMARY_MAX, c->arena));
            before = ", ";
        }
    return cut(buf_text(&b), SUMMARY_MAX, c->arena);
}

/* A row for each value, nested ones under the path to them. */
static void put_rows(struct card *c, struct buf *b, uint32_t object, const char *path)
{
    const struct json *j = &c->result;
    for (uint32_t k = json_first(j, object); k != json_end(j, object); k = json_next(j, k)) {
        uint32_t v = json_value(k);
        const char *name =
            arena_printf(c->arena, "%s%s%.*s", path, *path ? "." : "", SLICE_FMT(json_text(j, k, c->arena)));
        if (!name || strlen(name) > PATH_MAX_BYTES || c->rows == ROWS_MAX)
            return;
        if (json_kind(j, v) == JSON_OBJECT) {
            put_rows(c, b, v, name);
            continue;
        }
        c->rows++;
        buf_str(b, "| ");
        put_plain(b, slice_of(name));
        buf_str(b, " | ");
        put_plain(b, cut(words_of(c, v), VALUE_MAX, c->arena));
        buf_str(b, " |\n");
    }
}

/* As it was decided when the job was accepted: which inputs were found, and of when they are. */
static void put_inputs(struct card *c, struct buf *b, struct slice plan_text)
{
    const struct manifest *m = &c->model->manifest;
    struct json plan;
    struct json_fault f;
    if (!plan_text.p || json_parse(c->arena, plan_text, &plan, &f))
        return;
    uint32_t list = json_get_kind(&plan, json_get(&plan, 0, "decision"), "candidates", JSON_ARRAY);
    uint32_t inputs = list ? json_get_kind(&plan, json_first(&plan, list), "inputs", JSON_ARRAY) : 0;
    if (!inputs)
        return;
    buf_str(b, "\nComputed from:\n\n");
    for (uint32_t k = json_first(&plan, inputs); k != json_end(&plan, inputs); k = json_next(&plan, k)) {
        int at = manifest_find_input(m, json_get_text(&plan, k, "input", c->arena));
        if (at < 0 || !json_get_kind(&plan, k, "found", JSON_TRUE))
            continue;
        struct slice time = json_get_text(&plan, json_get(&plan, k, "from"), "time", c->arena);
        buf_str(b, "- ");
        put_plain(b, m->input[at].display);
        if (time.n) {
            buf_str(b, ", ");
            put_plain(b, time);
        }
        buf_str(b, json_get_kind(&plan, k, "soft", JSON_TRUE) ? ", an unusual value\n" : "\n");
    }
}

static void put_origin(struct buf *b, const struct model *m, const char *job)
{
    buf_str(b, "\n");
    put_plain(b, m->manifest.intended_use);
    buf_printf(b, "\n\nAsserted by a program, and seen by nobody yet: ");
    put_plain(b, m->manifest.key);
    buf_byte(b, ' ');
    put_plain(b, m->manifest.version);
    buf_printf(b, " (`%s`), job `%s`.\n", m->digest_text, job);
}

/* Why it may be set aside; and whom the card is of. */
static void put_rest(struct json_out *o, const struct model *m, struct arena *a)
{
    const struct manifest *f = &m->manifest;
    static const struct {
        const char *code, *display;
    } reason[] = {
#define OVERRIDE(code, display) {code, display},
#include "api/cds_overrides.def"
#undef OVERRIDE
    };
    json_key(o, "source");
    json_open(o, '{');
    json_pair_str(o, "label", arena_printf(a, "%.*s %.*s", SLICE_FMT(f->key), SLICE_FMT(f->version)));
    json_key(o, "topic");
    json_open(o, '{');
    json_pair_str(o, "system", CDS_TOPICS);
    json_pair(o, "code", f->targets_n ? f->targets[0] : f->key);
    json_pair(o, "display", f->targets_n ? f->targets[0] : f->title);
    json_close(o, '}');
    json_close(o, '}');
    json_key(o, "overrideReasons");
    json_open(o, '[');
    for (size_t i = 0; i < COUNT(reason); i++) {
        json_open(o, '{');
        json_pair_str(o, "system", CDS_OVERRIDES);
        json_pair_str(o, "code", reason[i].code);
        json_pair_str(o, "display", reason[i].display);
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void put_result(struct json_out *o, struct card *c, struct slice plan, const char *job)
{
    struct buf detail = buf_in(c->arena, DETAIL_MAX);
    json_pair(o, "summary", summary_of(c));
    json_pair_str(o, "indicator", "info");
    buf_str(&detail, "| | |\n| --- | --- |\n");
    put_rows(c, &detail, 0, "");
    put_inputs(c, &detail, plan);
    put_origin(&detail, c->model, job);
    if (!buf_failed(&detail))
        json_pair(o, "detail", buf_text(&detail));
}

/* What is not a result: `what` follows the title, `detail` says what to do. */
static void put_notice(struct json_out *o, const struct card *c, const char *indicator, const char *what,
                       const char *detail)
{
    struct slice title = cut(c->model->manifest.title, TITLE_MAX, c->arena);
    json_pair(o, "summary",
              cut(slice_of(arena_printf(c->arena, "%.*s: %s", SLICE_FMT(title), what)), SUMMARY_MAX, c->arena));
    json_pair_str(o, "indicator", indicator);
    json_pair_str(o, "detail", detail);
}

void cds_write_card(struct json_out *o, const struct model *m, const uint8_t job[16], const struct job_view *v,
                    struct arena *a)
{
    char id[UUID_TEXT];
    struct card c = {.model = m, .arena = a};
    struct json_fault f;
    uuid_text(job, id);
    json_open(o, '{');
    json_pair_str(o, "uuid", id);
    if (v->result.p && json_parse(a, v->result, &c.result, &f) == 0 && json_kind(&c.result, 0) == JSON_OBJECT)
        put_result(o, &c, v->plan, id);
    else if (job_state_ended(v->state))
        put_notice(o, &c, "warning", "there is no result",
                   arena_printf(a, "%s. The data were complete; ask again, or look at job `%s`.",
                                v->error ? job_error_text(v->error) : job_state_public(v->state), id));
    else
        put_notice(o, &c, "info", "is still being computed",
                   arena_printf(a,
                                "The same request again, with the same hookInstance, is answered with the result once "
                                "it is there. Job `%s`.",
                                id));
    put_rest(o, m, a);
    json_close(o, '}');
}
