/* audit.c -- the verbs over the audit log: show, verify, prove, export, key, witness. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/search.h"
#include "base/clock.h"
#include "base/own.h"
#include "cmd/app.h"
#include "cmd/cmd.h"
#include "cmd/long.h"

enum {
    KEPT_MAX = 64 * 1024,
    CHUNK = 8192,
    CHUNK_MEMORY = 192 << 20,
    PROOF_MAX = 128 * 1024,
    SHOWN = 20,
    SHOWN_MAX = 100000
};

const struct option verify_options[] = {
    {"export", "FILE", "of an export, without a data folder"},
    {"key", "VKEY", "the verifier key that must have signed it"},
    {"witness", "VKEY", "a witness: its cosignatures must hold, and there must be one"},
    {"checkpoint", "FILE", "one that was kept elsewhere: the log must continue it"},
    {0}};
const struct option audit_show_options[] = {{"last", "N", "how many (20)"},
                                            {"actor", "NAME", "only what this client or account did"},
                                            {"role", "ROLE", "only what was done in this role"},
                                            {"action", "ACTION", "only create, read, update, delete, execute or admin"},
                                            {"object", "KIND", "only what was done to these, such as Job"},
                                            {"object-id", "ID", "only what was done to this one"},
                                            {"outcome", "OUTCOME", "only permit, deny or error"},
                                            {"since", "TIME", "from this date or instant on"},
                                            {"until", "TIME", "before it"},
                                            {0}};
const struct option prove_options[] = {{"leaf", "HEX", "of the entry with this leaf hash"},
                                       {"from", "SIZE", "that the log continues its first SIZE entries"},
                                       {"to", "SIZE", "up to the checkpoint of SIZE entries (the newest)"},
                                       {0}};

/* --- progress, on a terminal --- */

struct telling {
    int64_t begun, told;
    const char *doing;
};

static void tell(void *arg, int64_t done, int64_t of)
{
    struct telling *p = arg;
    int64_t now = clock_mono_us();
    if (now - p->begun < 500000 || now - p->told < 200000)
        return;
    p->told = now;
    if (of)
        fprintf(stderr, "\r%s: %lld of %lld entries, %lld %%", p->doing, (long long)done, (long long)of,
                (long long)(100 * done / of));
    else
        fprintf(stderr, "\r%s: %lld entries", p->doing, (long long)done);
}

static void told(const struct telling *p)
{
    if (p->told)
        fputs("\r\033[K", stderr);
}

/* --- verify --- */

static void put_report(struct json_out *out, const struct audit_report *r, int64_t us)
{
    json_open(out, '{');
    json_pair_bool(out, "holds", r->findings == 0);
    json_pair_int(out, "entries", r->entries);
    json_pair_int(out, "signed", r->covered);
    json_pair_int(out, "checkpoints", r->checkpoints);
    if (r->witness) {
        char when[CLOCK_TEXT];
        json_pair_str(out, "witness", r->witness->name);
        json_pair_int(out, "cosignatures", r->cosignatures);
        json_pair_int(out, "cosigned", r->cosigned);
        json_pair_str(out, "cosigned_at", r->cosigned ? clock_text(r->cosigned_at * 1000000, when) : NULL);
    }
    json_pair_int(out, "ms", us / 1000);
    json_pair_int(out, "findings", r->findings);
    json_key(out, "found");
    json_open(out, '[');
    for (int i = 0; i < r->findings && i < AUDIT_FINDINGS; i++)
        json_put_str(out, r->finding[i]);
    json_close(out, ']');
    json_close(out, '}');
}

static int expected_key(struct slice text, const struct note_key *have, struct err *e)
{
    struct note_key k;
    char own[NOTE_KEY_TEXT];
    if (!note_key_read(NOTE_LOG, text, &k))
        return err_set(e, ERR_USAGE, "--key is a verifier key, as 'lazaret audit key' prints it");
    return slice_is(text, note_key_text(have, own))
               ? 0
               : err_set(e, ERR_STORE, "this log is signed by another key than the one given: %.160s", own);
}

/* What is in *ret, if a witness is named. */
static int wanted_witness(struct slice text, struct note_key *ret, struct audit_report *r, struct err *e)
{
    if (!text.p)
        return 0;
    if (!note_key_read(NOTE_WITNESS, text, ret))
        return err_set(e, ERR_USAGE, "--witness is a witness' verifier key: NAME+ID+KEY (c2sp.org/tlog-cosignature)");
    r->witness = ret;
    return 0;
}

static void count_verified(void *arg, int64_t done, int64_t of)
{
    struct progress *p = arg;
    p->done = done;
    p->total = of;
}

int admin_audit_verify(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    int64_t begun = clock_mono_us();
    struct audit_report r = {.progress = count_verified, .arg = &app->progress};
    struct slice key = json_get_text(args, 0, "key", a), kept = json_get_text(args, 0, "checkpoint", a);
    struct note_key witness;
    if (wanted_witness(json_get_text(args, 0, "witness", a), &witness, &r, e) ||
        (key.p && expected_key(key, audit_signer_key(app->signer), e)) || begin_work(app, e))
        return -1;
    progress_begin(&app->progress, "verifying the audit log", 0);
    int rc = audit_verify_with(app->api.db, audit_signer_key(app->signer), kept, &r, e);
    end_work(app);
    if (rc && !r.findings)
        return -1;
    put_report(out, &r, clock_mono_us() - begun);
    return 0;
}

static int verify_file(struct call *c, const char *path, struct slice kept, struct json_out *out, struct err *e)
{
    struct telling p = {.begun = clock_mono_us(), .doing = "verifying"};
    struct audit_report r = {.progress = isatty(2) ? tell : NULL, .arg = &p};
    struct note_key k, its, witness;
    const char *key = call_option(c, "key"), *wanted = call_option(c, "witness");
    if (wanted && wanted_witness(slice_of(wanted), &witness, &r, e))
        return -1;
    if (key && !note_key_read(NOTE_LOG, slice_of(key), &k))
        return err_set(e, ERR_USAGE, "--key is a verifier key, as 'lazaret audit key' prints it");
    OWN_FILE FILE *f = fopen(path, "re");
    if (!f)
        return err_sys(e, ERR_USAGE, "open %s", path);
    int rc = audit_verify_export(f, key ? &k : NULL, kept, &r, &its, e);
    told(&p);
    if (rc && !r.findings)
        return -1;
    put_report(out, &r, clock_mono_us() - p.begun);
    if (!key && !c->json) {
        char text[NOTE_KEY_TEXT];
        fprintf(stderr, "without --key only the file speaks for itself; the key it names: %s\n",
                note_key_text(&its, text));
    }
    return 0;
}

static int print_report(struct call *c, struct slice r, struct err *e)
{
    struct json j;
    struct json_fault f;
    if (json_parse(c->arena, r, &j, &f))
        return err_set(e, ERR_INTERNAL, "the report is no JSON");
    uint32_t list = json_get(&j, 0, "found");
    bool holds = json_first(&j, list) == json_end(&j, list);
    struct slice entries = json_raw(&j, json_get(&j, 0, "entries")), upto = json_raw(&j, json_get(&j, 0, "signed")),
                 checkpoints = json_raw(&j, json_get(&j, 0, "checkpoints"));
    uint32_t first = json_first(&j, list);
    if (c->json)
        printf("%.*s\n", SLICE_FMT(r));
    else
        for (uint32_t k = first; k != json_end(&j, list); k = json_next(&j, k))
            printf("%.*s\n", SLICE_FMT(json_text(&j, k, c->arena)));
    if (!holds)
        return err_set(e, ERR_STORE, "the audit log is not what was written: %.*s",
                       SLICE_FMT(json_text(&j, first, c->arena)));
    if (c->json)
        return 0;
    printf("%.*s audit entries, each agrees with its hash; the first %.*s are signed, by %.*s checkpoints that hold\n",
           SLICE_FMT(entries), SLICE_FMT(upto), SLICE_FMT(checkpoints));
    struct slice witness = json_get_text(&j, 0, "witness", c->arena);
    if (witness.p)
        printf("%.*s signed the first %lld, last at %.*s\n", SLICE_FMT(witness), (long long)number_in(&j, "cosigned"),
               SLICE_FMT(json_get_text(&j, 0, "cosigned_at", c->arena)));
    return 0;
}

int cmd_audit_verify(struct call *c, struct err *e)
{
    const char *file = call_option(c, "export"), *kept_file = call_option(c, "checkpoint");
    struct slice r, kept = {NULL, 0};
    struct buf b = buf_in(c->arena, 64 * 1024);
    struct json_out o = json_out(&b);
    if (kept_file && call_read(c, kept_file, KEPT_MAX, &kept, e))
        return -1;
    if (kept_file && !kept.n)
        return err_set(e, ERR_USAGE, "there is no checkpoint in %s: it is empty", kept_file);
    if (file) {
        if (verify_file(c, file, kept, &o, e))
            return -1;
        return print_report(c, buf_text(&b), e);
    }
    const char *text = kept.n ? arena_str(c->arena, kept) : NULL;
    if (long_work(
            c, "audit.verify",
            call_args(c, "key", call_option(c, "key"), "checkpoint", text, "witness", call_option(c, "witness"), NULL),
            &r, e))
        return -1;
    return print_report(c, r, e);
}

/* --- show --- */

/* The number that stands as text in an argument; -1: it is not there. */
static int number_of(const struct json *args, const char *name, struct arena *a, int64_t *ret, struct err *e)
{
    struct slice s = json_get_text(args, 0, name, a);
    *ret = -1;
    return s.p && !slice_int(s, 0, INT64_MAX - 1, ret) ? err_set(e, ERR_USAGE, "%s is a number from 0 on", name) : 0;
}

static int time_of(const struct json *args, const char *name, struct arena *a, int64_t *ret, struct err *e)
{
    struct slice text = json_get_text(args, 0, name, a);
    return text.p && (!clock_parse(text, ret, NULL) || *ret < 1)
               ? err_set(e, ERR_USAGE, "--%s is a date or an instant such as 2026-11-25T02:13:30Z", name)
               : 0;
}

/* 1: something cuts the log down. */
static int show_filter(const struct json *args, struct arena *a, struct audit_filter *f, struct err *e)
{
    const struct {
        const char *name;
        struct slice *to;
    } text[] = {{"actor", &f->actor},   {"role", &f->role},           {"action", &f->action},
                {"object", &f->object}, {"object-id", &f->object_id}, {"outcome", &f->outcome}};
    bool any = false;
    for (size_t i = 0; i < COUNT(text); i++) {
        *text[i].to = json_get_text(args, 0, text[i].name, a);
        any |= text[i].to->p != NULL;
    }
    if (time_of(args, "since", a, &f->since, e) || time_of(args, "until", a, &f->until, e))
        return -1;
    return any || f->since || f->until;
}

int admin_audit_show(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct audit_filter f = {.span = INT64_MAX};
    struct audit_page p;
    int64_t most, there;
    if (number_of(args, "last", a, &most, e))
        return -1;
    if (most < 0)
        most = SHOWN;
    if (most < 1 || most > SHOWN_MAX)
        return err_set(e, ERR_USAGE, "--last is a number from 1 to %d", SHOWN_MAX);
    int cut = show_filter(args, a, &f, e);
    if (cut < 0)
        return -1;
    if (!cut)
        return audit_count(app->api.db, &there, e)
                   ? -1
                   : audit_list(app->api.db, there < most ? 0 : there - most, (int)most, a, out, e);
    f.most = (int)most;
    if (audit_search(app->api.db, &f, a, &p, e))
        return -1;
    json_open(out, '[');
    for (int i = p.n; i > 0; i--) /* the newest last, where the eye is */
        audit_put(out, &p.x[i - 1], false);
    json_close(out, ']');
    return 0;
}

int cmd_audit_show(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    struct slice args = call_args(
        c, "last", call_option(c, "last"), "actor", call_option(c, "actor"), "role", call_option(c, "role"), "action",
        call_option(c, "action"), "object", call_option(c, "object"), "object-id", call_option(c, "object-id"),
        "outcome", call_option(c, "outcome"), "since", call_option(c, "since"), "until", call_option(c, "until"), NULL);
    if (admin_call(c, "audit.show", args, &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    call_print_lines(&j, c->arena);
    return 0;
}

/* --- key --- */

int admin_audit_key(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    char text[NOTE_KEY_TEXT];
    (void)args, (void)a, (void)e;
    json_open(out, '{');
    json_pair_str(out, "origin", audit_signer_key(app->signer)->name);
    json_pair_str(out, "key", note_key_text(audit_signer_key(app->signer), text));
    json_close(out, '}');
    return 0;
}

/* The member's text, or with --json the whole answer. */
static int print_text(struct call *c, const char *work, struct slice args, const char *member, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (admin_call(c, work, args, &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    struct slice text = json_get_text(&j, 0, member, c->arena);
    printf("%.*s%s", SLICE_FMT(text), text.n && text.p[text.n - 1] == '\n' ? "" : "\n");
    return 0;
}

int cmd_audit_key(struct call *c, struct err *e)
{
    return print_text(c, "audit.key", SLICE("{}"), "key", e);
}

/* --- witness --- */

static int answer(struct app *app, struct arena *a, struct json_out *out, struct err *e)
{
    struct witness_state now;
    char key[NOTE_KEY_TEXT], when[CLOCK_TEXT];
    const struct note_key *k = witness_key(app->witness);
    if (witness_look(app->api.db, k, a, &now, e))
        return -1;
    json_open(out, '{');
    json_pair_str(out, "witness", k->name);
    json_pair_str(out, "key", note_key_text(k, key));
    json_pair_int(out, "signed", now.signed_size);
    json_pair_int(out, "cosigned", now.cosigned);
    json_pair_str(out, "cosigned_at", now.at ? clock_text(now.at * 1000000, when) : NULL);
    json_close(out, '}');
    return 0;
}

int admin_audit_witness(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    (void)args;
    if (!app->witness)
        return err_set(e, ERR_CONFIG, "no witness is set: audit.witness.url and audit.witness.key");
    if (audit_checkpoint(app->signer, e) || begin_work(app, e))
        return -1;
    progress_begin(&app->progress, "asking the witness", 0);
    int rc = witness_round(app->witness, e);
    end_work(app);
    return rc < 0 ? -1 : answer(app, a, out, e);
}

int cmd_audit_witness(struct call *c, struct err *e)
{
    struct slice r;
    struct json j;
    struct json_fault f;
    if (long_work(c, "audit.witness", SLICE("{}"), &r, e))
        return -1;
    if (c->json || json_parse(c->arena, r, &j, &f))
        return printf("%.*s\n", SLICE_FMT(r)), 0;
    printf("%.*s has signed the first %lld of %lld audit entries, at %.*s\n",
           SLICE_FMT(json_get_text(&j, 0, "witness", c->arena)), (long long)number_in(&j, "cosigned"),
           (long long)number_in(&j, "signed"), SLICE_FMT(json_get_text(&j, 0, "cosigned_at", c->arena)));
    return 0;
}

/* --- prove --- */

int admin_audit_prove(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct buf b = buf_in(a, PROOF_MAX);
    struct slice hex = json_get_text(args, 0, "leaf", a);
    uint8_t leaf[SHA256_BYTES];
    int64_t index, from, to;
    if (number_of(args, "index", a, &index, e) || number_of(args, "from", a, &from, e) ||
        number_of(args, "to", a, &to, e))
        return -1;
    if ((index >= 0) + (hex.p != NULL) + (from >= 0) != 1)
        return err_set(e, ERR_USAGE, "say what to prove: an INDEX, --leaf HEX, or --from SIZE");
    if (hex.p && (hex.n != 2 * sizeof leaf || hex_decode(hex, leaf, sizeof leaf) != sizeof leaf))
        return err_set(e, ERR_USAGE, "--leaf is 64 hexadecimal digits");
    if (hex.p && audit_find(app->api.db, leaf, &index, e))
        return -1;
    if (from >= 0 ? audit_prove_growth(app->signer, from, to, a, &b, e) : audit_prove(app->signer, index, a, &b, e))
        return -1;
    json_open(out, '{');
    if (from < 0)
        json_pair_int(out, "index", index);
    json_pair(out, "proof", buf_text(&b));
    json_close(out, '}');
    return 0;
}

int cmd_audit_prove(struct call *c, struct err *e)
{
    return print_text(c, "audit.prove",
                      call_args(c, "index", c->operands ? c->operand[0] : NULL, "leaf", call_option(c, "leaf"), "from",
                                call_option(c, "from"), "to", call_option(c, "to"), NULL),
                      "proof", e);
}

/* --- export: piece by piece, so that the file is written by whoever asked, whoever has the store --- */

int admin_audit_export(struct app *app, const struct json *args, struct arena *a, struct json_out *out, struct err *e)
{
    struct buf b = buf_in(a, CHUNK_MEMORY);
    struct checkpoint c;
    struct slice note;
    int64_t from, size, next;
    if (number_of(args, "from", a, &from, e) || number_of(args, "size", a, &size, e))
        return -1;
    if (size < 0) { /* the first piece says how far it goes */
        if (audit_checkpoint(app->signer, e) || audit_newest(app->signer, a, &note, &c, e))
            return -1;
        size = (int64_t)c.size;
        from = 0;
        audit_export_head(&b, audit_signer_key(app->signer));
    }
    if (from > size || audit_export(app->api.db, from, CHUNK, size, a, &b, &next, e))
        return from > size ? err_set(e, ERR_USAGE, "from is at most size") : -1;
    if (next == size)
        audit_export_tail(&b, size);
    char *text = arena_take(a, 4 * (b.n / 3 + 1) + 1);
    if (!text || buf_failed(&b))
        return err_set(e, ERR_NO_MEMORY, "export the audit log");
    size_t n = base64_encode(b.p, b.n, text);
    json_open(out, '{');
    json_pair_int(out, "size", size);
    json_pair_int(out, "next", next);
    json_pair(out, "data", (struct slice){text, n});
    json_close(out, '}');
    return 0;
}

struct exporting {
    FILE *file;
    int64_t next, size; /* -1: not begun */
};

static int export_piece(struct admin_session *s, struct exporting *x, struct err *e)
{
    struct call *whole = s->call;
    struct call piece = *whole;
    OWN_ARENA struct arena *a = arena_new(CHUNK_MEMORY * 2LL);
    struct slice r;
    struct json j;
    struct json_fault f;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "export the audit log");
    piece.arena = a;
    s->call = &piece;
    const char *from = arena_printf(a, "%lld", (long long)x->next), *size = arena_printf(a, "%lld", (long long)x->size);
    struct slice args = x->size < 0 ? SLICE("{}") : call_args(&piece, "from", from, "size", size, NULL);
    int rc = admin_session_call(s, "audit.export", args, &r, e);
    s->call = whole;
    if (rc)
        return -1;
    if (json_parse(a, r, &j, &f) || !slice_int(json_raw(&j, json_get(&j, 0, "next")), 0, INT64_MAX, &x->next) ||
        !slice_int(json_raw(&j, json_get(&j, 0, "size")), 0, INT64_MAX, &x->size))
        return err_set(e, ERR_INTERNAL, "a piece of the export is malformed");
    struct slice data = json_raw(&j, json_get(&j, 0, "data"));
    char *raw = arena_take(a, data.n);
    int n = raw ? base64_decode(data, raw, data.n) : -1;
    if (n < 0)
        return err_set(e, ERR_INTERNAL, "a piece of the export is malformed");
    return fwrite(raw, 1, (size_t)n, x->file) == (size_t)n ? 0 : err_sys(e, ERR_STORE, "write the export");
}

int cmd_audit_export(struct call *c, struct err *e)
{
    struct telling p = {.begun = clock_mono_us(), .doing = "exporting"};
    struct exporting x = {.size = -1};
    struct admin_session s;
    const char *path = c->operand[0];
    OWN_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, ERR_USAGE, "make the file %s", path);
    OWN_FILE FILE *f = fdopen(fd, "w");
    if (!f)
        return err_sys(e, ERR_NO_MEMORY, "write %s", path);
    TAKE_FD(fd);
    x.file = f;
    int rc = admin_session_begin(c, false, &s, e);
    while (!rc && (x.size < 0 || x.next < x.size)) {
        rc = export_piece(&s, &x, e);
        if (isatty(2))
            tell(&p, x.next, x.size < 0 ? 0 : x.size);
    }
    if (s.call)
        admin_session_end(&s);
    told(&p);
    if (!rc && (fflush(f) || fsync(fileno(f))))
        rc = err_sys(e, ERR_STORE, "write %s", path);
    if (rc) {
        unlink(path);
        return -1;
    }
    if (c->json)
        printf("{\"entries\":%lld}\n", (long long)x.size);
    else
        printf("%lld audit entries and their checkpoints are in %s\n", (long long)x.size, path);
    return 0;
}
