#include "deliver/deliver.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metric.h"
#include "base/own.h"
#include "base/rnd.h"
#include "base/wipe.h"
#include "crypto/digest.h"
#include "deliver/address_int.h"
#include "deliver/canonical.h"
#include "deliver/outbox_int.h"

enum {
    ATTEMPT_MS = 15000,
    LOOK_MS = 500, /* for what no bell tells of: retries, other processes' jobs */
    AT_ONCE = 64,
    TO_ENDPOINT = 4,
    ANSWER_BYTES = 65536,
    WAIT_MAX_S = 3600,
    CLAIM_MEMORY = 16 << 20,
    RECORD_MANY = 64,     /* outcomes in one transaction */
    RECORD_US = 10000,    /* and how long one waits for others, while events are held */
    ENDPOINT_US = 500000, /* how long a look at an endpoint is good */
    SENDING_MEMORY = 256 << 20,
    BODY_MAX = 25 << 20 /* six bytes for every two of the largest output, and some */
};

/* One event on its way. */
struct sending {
    struct sending *next; /* of the free ones */
    struct deliver *deliver;
    struct arena *arena;
    CURL *handle;
    struct curl_slist *header;
    struct slice body;
    struct outcome outcome;
    struct due due;
    char id[4 + UUID_TEXT], trace[33];
    bool plain, refused;
    size_t answered;
    int64_t begun_us;
};

struct deliver {
    struct deliver_config c;
    pthread_t thread;
    atomic_bool stop;
    CURLM *multi;
    struct outlet outlet[OUTLETS_MAX];
    struct due held[HELD_MAX];               /* claimed ahead, in their order */
    struct due back[HELD_MAX + AT_ONCE_MAX]; /* to be given back */
    struct outcome ended[ENDED_MAX];         /* not recorded yet */
    int outlets, helds, backs, ends, flying;
    bool claim;       /* events may be due that there was no room for */
    bool urgent;      /* among what ended: what changes how its endpoint is dealt with */
    int64_t ended_us; /* the first of what ended; monotonic */
    struct sending *free, *all;
};

/* --- where it may go --- */

bool deliver_below(struct slice url, const char *origin)
{
    size_t n = strlen(origin);
    while (n && origin[n - 1] == '/')
        n--;
    return url.n >= n && memcmp(url.p, origin, n) == 0 && (url.n == n || url.p[n] == '/' || url.p[n] == '?');
}

/* Called by libcurl with the very address it is about to connect to: nothing is resolved again behind our back. */
static curl_socket_t open_checked(void *ctx, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct sending *s = ctx;
    (void)purpose;
    if (!address_may_connect(&at->addr, s->plain, s->deliver->c.allow, s->deliver->c.allow_private)) {
        s->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* --- what is sent --- */

static int canonical_body(struct sending *s, const struct buf *raw, struct err *e)
{
    struct buf b = buf_in(s->arena, BODY_MAX);
    struct json j;
    struct json_fault f;
    if (buf_failed(raw) || json_parse(s->arena, buf_text(raw), &j, &f))
        return err_set(e, ERR_NO_MEMORY, "a webhook's body");
    canonical_write(&b, &j, 0);
    if (buf_failed(&b) || arena_failed(s->arena))
        return err_set(e, ERR_NO_MEMORY, "a webhook's body");
    s->body = buf_text(&b);
    return 0;
}

static int full_body(struct sending *s, const struct job_view *v, const uint8_t job[16], struct err *e)
{
    char id[UUID_TEXT];
    struct buf raw = buf_in(s->arena, BODY_MAX);
    struct json_out o = json_out(&raw);
    json_open(&o, '{');
    json_pair_str(&o, "job_id", uuid_text(job, id));
    json_pair_str(&o, "status", job_state_public(v->state));
    json_pair_raw(&o, "result", v->result.p ? v->result : SLICE("null"));
    json_close(&o, '}');
    return canonical_body(s, &raw, e);
}

/* "job.completed" */
static const char *type_of(enum job_state s, struct arena *a)
{
    char *text = arena_printf(a, "job.%s", job_state_public(s));
    for (char *p = text; p && *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    return text;
}

static int thin_body(struct sending *s, enum job_state state, const uint8_t job[16], int64_t at, struct err *e)
{
    char id[UUID_TEXT], when[CLOCK_TEXT];
    struct buf raw = buf_in(s->arena, 4096);
    struct json_out o = json_out(&raw);
    json_open(&o, '{');
    json_key(&o, "data");
    json_open(&o, '{');
    json_pair_str(&o, "job_id", uuid_text(job, id));
    json_pair_str(&o, "status", job_state_public(state));
    json_close(&o, '}');
    json_pair_str(&o, "timestamp", clock_text(at, when));
    json_pair_str(&o, "type", type_of(state, s->arena));
    json_close(&o, '}');
    return canonical_body(s, &raw, e);
}

static int from_base64(const char *z, uint8_t *out, size_t max)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t v = 0;
    int bits = 0;
    size_t n = 0;
    for (; *z && *z != '='; z++) {
        const char *at = strchr(digit, *z);
        if (!at)
            return -1;
        v = v << 6 | (uint32_t)(at - digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            if (n == max)
                return -1;
            out[n++] = (uint8_t)(v >> bits);
        }
    }
    return (int)n;
}

static void add_header(struct sending *s, const char *line)
{
    struct curl_slist *more = line ? curl_slist_append(s->header, line) : NULL;
    if (more)
        s->header = more;
}

/* "v1,..." over id.time.body */
static const char *standard_signature(const struct sending *s, const char *secret, const char *when)
{
    uint8_t key[64], mac[SHA256_BYTES];
    char b64[64];
    int n = from_base64(secret + 6, key, sizeof key); /* behind "whsec_" */
    struct slice piece[] = {slice_of(s->id), SLICE("."), slice_of(when), SLICE("."), s->body};
    if (n < 0)
        return NULL;
    hmac_sha256((struct slice){(char *)key, (size_t)n}, piece, COUNT(piece), mac);
    wipe(key, sizeof key);
    base64_encode(mac, sizeof mac, b64);
    return arena_printf(s->arena, "v1,%s", b64);
}

static int sign_make(struct sending *s, const struct endpoint *x, struct err *e)
{
    uint8_t mac[SHA256_BYTES], span[8];
    char hex[SHA256_TEXT], span_text[17];
    struct arena *a = s->arena;
    const char *when = arena_printf(a, "%lld", (long long)(clock_now_us() / 1000000));
    const char *now = when ? standard_signature(s, x->secret, when) : NULL;
    const char *old = when && x->old ? standard_signature(s, x->old, when) : "";
    const char *legacy = x->old && s->outcome.attempts % 2 == 0 ? x->old : x->secret;
    if (!now || !old)
        return err_set(e, ERR_NO_MEMORY, "a webhook's signature");
    hmac_sha256(slice_of(legacy), &s->body, 1, mac);
    hex_encode(mac, sizeof mac, hex);
    rnd_bytes(span, sizeof span);
    hex_encode(span, sizeof span, span_text);
    add_header(s, arena_printf(a, "webhook-id: %s", s->id));
    add_header(s, arena_printf(a, "webhook-timestamp: %s", when));
    add_header(s, arena_printf(a, "webhook-signature: %s%s%s", now, *old ? " " : "", old));
    add_header(s, arena_printf(a, "X-CliniSandbox-Signature: %s", hex));
    add_header(s, "Content-Type: application/json");
    add_header(s, "Expect:");
    if (strlen(s->trace) == 32)
        add_header(s, arena_printf(a, "traceparent: 00-%s-%s-01", s->trace, span_text));
    return arena_failed(a) ? err_set(e, ERR_NO_MEMORY, "a webhook's headers") : 0;
}

/* The receiver's answer is not kept. */
static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
    struct sending *s = ctx;
    (void)p;
    s->answered += size * n;
    return s->answered > ANSWER_BYTES ? 0 : size * n;
}

static int prepare_handle(struct sending *s, const char *url, struct err *e)
{
    const struct deliver_config *c = &s->deliver->c;
    CURL *h = s->handle ? s->handle : curl_easy_init();
    if (!h)
        return err_set(e, ERR_NO_MEMORY, "a delivery");
    s->handle = h;
    fault_crash(CRASH_hook_send);
    curl_easy_reset(h);
    curl_easy_setopt(h, CURLOPT_URL, url);
    curl_easy_setopt(h, CURLOPT_PRIVATE, s);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)ATTEMPT_MS);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_checked);
    curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, s);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, s->header);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, s->body.p);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)s->body.n);
    curl_easy_setopt(h, CURLOPT_USERAGENT, "lazaret/" LAZARET_VERSION);
    if (c->ca && *c->ca)
        curl_easy_setopt(h, CURLOPT_CAINFO, c->ca);
    return curl_multi_add_handle(s->deliver->multi, h) ? err_set(e, ERR_NO_MEMORY, "a delivery") : 0;
}

/* --- from a claimed event to a transfer --- */

static const struct audit_entry worker_reads = {
    .actor = "deliver", .role = "worker", .action = "read", .outcome = "permit", .why = "webhook"};

/* Of a full payload, whose disclosure is in the log: where it goes. 1, 0 nowhere. */
static int make_full(struct sending *s, const struct job_view *v, const struct endpoint *x, const char **ret_url,
                     struct err *e)
{
    struct json plan;
    struct json_fault f;
    if (v->erased_at)
        return 0;
    *ret_url = x->url;
    if (x->origin) {
        if (json_parse(s->arena, v->plan, &plan, &f))
            return err_set(e, f.what ? ERR_INTERNAL : ERR_NO_MEMORY, "a plan that is no JSON");
        struct slice url = json_get_text(&plan, 0, "webhook_url", s->arena);
        if (arena_failed(s->arena))
            return err_set(e, ERR_NO_MEMORY, "a webhook");
        if (!url.p || !*x->url || !deliver_below(url, x->url))
            return 0;
        *ret_url = arena_str(s->arena, url);
    }
    if (!*ret_url)
        return err_set(e, ERR_NO_MEMORY, "a webhook");
    return full_body(s, v, s->due.name, e) ? -1 : 1;
}

/* `v`: NULL for a thin one. */
static int make(struct sending *s, const struct endpoint *x, const struct job_view *v, struct err *e)
{
    char id[UUID_TEXT];
    const char *url = x->url;
    memcpy(s->id, "msg_", 4);
    memcpy(s->id + 4, uuid_text(s->due.event, id), UUID_TEXT);
    memcpy(s->trace, s->due.trace, sizeof s->trace);
    int found = v ? make_full(s, v, x, &url, e) : thin_body(s, s->due.state, s->due.name, s->due.state_at, e) ? -1 : 1;
    if (found <= 0)
        return found;
    s->plain = !slice_starts(slice_of(url), "https://");
    return sign_make(s, x, e) || prepare_handle(s, url, e) ? -1 : 1;
}

/* --- endpoints that have events here --- */

static struct outlet *outlet_of(struct deliver *d, const uint8_t *endpoint)
{
    for (int i = 0; i < d->outlets; i++)
        if (memcmp(d->outlet[i].id, endpoint, 16) == 0)
            return &d->outlet[i];
    struct outlet *o = &d->outlet[d->outlets++]; /* each has an event, and of those there are no more than places */
    *o = (struct outlet){0};
    memcpy(o->id, endpoint, 16);
    return o;
}

static void outlets_drop(struct deliver *d)
{
    for (int i = 0; i < d->outlets; i++) {
        struct outlet *o = &d->outlet[i];
        if (o->flying || o->held || o->full)
            continue;
        arena_free(o->arena);
        *o = d->outlet[--d->outlets];
        i--;
    }
}

/* As it is now, or was half a second ago. 1, 0 there is none, -1. */
static int outlet_open(struct deliver *d, struct outlet *o, struct err *e)
{
    int64_t now = clock_mono_us();
    if (o->arena && now - o->opened_us < ENDPOINT_US)
        return o->found;
    arena_free(o->arena);
    o->arena = arena_new(1 << 20);
    if (!o->arena)
        return err_set(e, ERR_NO_MEMORY, "an endpoint");
    o->found = endpoint_open(d->c.db, d->c.keyring, d->c.scope, o->id, o->arena, &o->x, e);
    o->opened_us = o->found < 0 ? now - ENDPOINT_US : now;
    return o->found;
}

static void give_back(struct deliver *d, const struct due *x)
{
    d->back[d->backs++] = *x;
}

/* What is held for an endpoint that has just failed is given back: it may have to wait, and goes one by one. */
static void outlet_failed(struct deliver *d, struct outlet *o)
{
    int kept = 0;
    o->failing = true;
    o->proven = false;
    for (int i = 0; i < d->helds; i++)
        if (memcmp(d->held[i].endpoint, o->id, 16) == 0)
            give_back(d, &d->held[i]);
        else
            d->held[kept++] = d->held[i];
    d->helds = kept;
    o->held = 0;
}

/* --- from a claimed event to a transfer --- */

static struct sending *sending_take(struct deliver *d, const struct due *due)
{
    struct sending *s = d->free;
    d->free = s->next;
    CURL *handle = s->handle;
    *s = (struct sending){.deliver = d, .handle = handle, .arena = arena_new(SENDING_MEMORY), .due = *due};
    s->begun_us = clock_mono_us();
    s->outcome.attempts = due->attempts;
    s->outcome.until = due->until;
    memcpy(s->outcome.event, due->event, 16);
    memcpy(s->outcome.endpoint, due->endpoint, 16);
    outlet_of(d, due->endpoint)->flying++;
    d->flying++;
    return s;
}

static void sending_give(struct sending *s)
{
    struct deliver *d = s->deliver;
    outlet_of(d, s->due.endpoint)->flying--;
    d->flying--;
    curl_slist_free_all(s->header);
    s->header = NULL;
    arena_free(s->arena);
    s->arena = NULL;
    s->next = d->free;
    d->free = s;
}

static void ended(struct sending *s, enum reason reason, long status)
{
    struct deliver *d = s->deliver;
    struct outlet *o = outlet_of(d, s->due.endpoint);
    s->outcome.reason = reason;
    s->outcome.status = status;
    s->outcome.at = clock_now_us();
    s->outcome.was_failing = o->failing;
    d->urgent = d->urgent || reason != REASON_TAKEN || o->failing;
    if (reason == REASON_TAKEN) {
        o->proven = true;
        o->failing = false;
    } else if (reason != REASON_NOWHERE) {
        outlet_failed(d, o);
    }
    if (d->ends == 0)
        d->ended_us = clock_mono_us();
    s->outcome.took_us = clock_mono_us() - s->begun_us;
    metric_add(reason == REASON_TAKEN ? METRIC_WEBHOOKS_SENT : METRIC_WEBHOOKS_FAILED, 1);
    if (reason != REASON_TAKEN) {
        char text[16];
        snprintf(text, sizeof text, "%ld", status);
        log_line(LOG_WARN, "a webhook was not taken", "event", s->id, "reason", reason_text(reason), "status", text,
                 "trace", s->trace, NULL);
    }
    d->ended[d->ends++] = s->outcome;
    sending_give(s);
}

/* --- how it ended --- */

static enum reason reason_of(const struct sending *s, CURLcode code, long status)
{
    if (s->refused)
        return REASON_FORBIDDEN;
    if (s->answered > ANSWER_BYTES) /* read far enough: the status has said it */
        code = CURLE_OK;
    switch (code) {
    case CURLE_OK: return status >= 200 && status < 300 ? REASON_TAKEN : status == 410 ? REASON_GONE : REASON_STATUS;
    case CURLE_COULDNT_RESOLVE_HOST: return REASON_RESOLVE;
    case CURLE_COULDNT_CONNECT: return REASON_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: return REASON_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return REASON_TLS;
    default: return REASON_BROKEN;
    }
}

static int64_t wait_of(CURL *h, long status)
{
    curl_off_t s = 0;
    if (status != 429 && status != 502 && status != 503 && status != 504)
        return 0;
    curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &s);
    return (s > WAIT_MAX_S ? WAIT_MAX_S : s > 0 ? s : 0) * 1000000LL;
}

static void collect(struct deliver *d)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(d->multi, &left)) != NULL;) {
        struct sending *s;
        long status = 0;
        CURLcode code = m->data.result;
        CURL *h = m->easy_handle;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(h, CURLINFO_PRIVATE, (char **)&s);
        curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
        s->outcome.wait_us = wait_of(h, status);
        curl_multi_remove_handle(d->multi, h);
        ended(s, reason_of(s, code, status), status);
    }
}

/* What cannot be recorded stays claimed and is sent again, under the same id, when the claim has run out. */
static void record(struct deliver *d)
{
    struct err e;
    if (d->ends)
        fault_crash(CRASH_hook_sent);
    if (outbox_record(d->c.db, d->c.scope, d->ended, d->ends, d->back, d->backs, &e))
        log_err(LOG_ERROR, "deliveries could not be recorded; they will be repeated", &e);
    if (d->ends)
        fault_crash(CRASH_hook_recorded);
    d->ends = d->backs = 0;
    d->urgent = false;
}

/* How long what ended may wait for more of its kind, in ms; -1: nothing waits. While more is held, more will end soon;
 * else nothing is worth waiting for. */
static int record_in_ms(const struct deliver *d)
{
    if (d->ends == 0 && d->backs == 0)
        return -1;
    int64_t left = d->ended_us + RECORD_US - clock_mono_us();
    if (d->backs || d->urgent || d->helds == 0 || d->ends >= RECORD_MANY || left <= 0)
        return 0;
    return (int)(left / 1000) + 1;
}

/* Claimed some time ago: is there time left for an attempt and for recording it? */
static bool late(const struct due *x, int64_t hold_us)
{
    return clock_mono_us() - x->claimed_us > hold_us;
}

/* Of those that are held, in their order, the ones whose turn it is. */
static int pick(struct deliver *d, struct sending **ret)
{
    int n = 0, kept = 0;
    for (int i = 0; i < d->helds; i++) {
        const struct due *x = &d->held[i];
        struct outlet *o = outlet_of(d, x->endpoint);
        if (late(x, d->c.hold_ms * 1000LL)) {
            o->proven = false; /* it is slow */
            give_back(d, x);
        } else if (d->free && o->flying < (o->failing ? 1 : d->c.to_endpoint)) {
            ret[n++] = sending_take(d, x);
        } else {
            d->held[kept++] = *x;
            continue;
        }
        o->held--;
    }
    d->helds = kept;
    return n;
}

/* One that cannot be made ready keeps its claim and is tried again when that has run out; no other waits for it. */
static void not_ready(struct sending *s, const struct err *e)
{
    log_err(LOG_ERROR, "an event could not be made ready; it is tried again later", e);
    sending_give(s);
}

static void begin(struct sending *s, const struct job_look *look)
{
    struct err e = {0};
    struct deliver *d = s->deliver;
    const struct outlet *o = outlet_of(d, s->due.endpoint);
    if (late(&s->due, 2 * HOLD_MS * 1000LL)) { /* it took long to get here */
        give_back(d, &s->due);
        sending_give(s);
        return;
    }
    int found = look ? look->found : 1;
    if (found > 0)
        found = make(s, &o->x, look ? &look->view : NULL, &e);
    else if (found < 0)
        err_set(&e, ERR_STORE, "a job that does not open");
    if (found < 0)
        not_ready(s, &e);
    else if (found == 0)
        ended(s, REASON_NOWHERE, 0);
}

/* Its endpoint as it is by now. False: this one does not go, and is dealt with. */
static bool may_begin(struct sending *s)
{
    struct err e = {0};
    struct deliver *d = s->deliver;
    struct outlet *o = outlet_of(d, s->due.endpoint);
    int found = s->arena ? outlet_open(d, o, &e) : err_set(&e, ERR_NO_MEMORY, "deliver");
    if (found < 0) {
        not_ready(s, &e);
    } else if (found == 0 || o->x.disabled) {
        if (found) /* its events wait; those of one that was removed are gone with it */
            give_back(d, &s->due);
        sending_give(s);
    }
    return found > 0 && !o->x.disabled;
}

/* The results of a round are disclosed to their endpoints, and the log says so, all in one transaction, before any of
 * them is sent. */
static int launch(struct deliver *d)
{
    struct sending *s[AT_ONCE_MAX], *full[AT_ONCE_MAX];
    struct job_look look[AT_ONCE_MAX];
    struct err e;
    int n = pick(d, s), fulls = 0;
    for (int i = 0; i < n; i++) {
        if (!may_begin(s[i]))
            continue;
        if (!outlet_of(d, s[i]->due.endpoint)->x.full) {
            begin(s[i], NULL);
            continue;
        }
        look[fulls] = (struct job_look){.id = s[i]->due.job, .arena = s[i]->arena};
        full[fulls++] = s[i];
    }
    int rc = fulls ? job_read_many(d->c.jobs, look, fulls, &worker_reads, &e) : 0;
    for (int i = 0; i < fulls; i++)
        if (rc)
            not_ready(full[i], &e);
        else
            begin(full[i], &look[i]);
    return n;
}

static int outlet_now(const struct deliver *d, const struct outlet *o)
{
    return outlet_most(o->failing, o->proven, d->c.to_endpoint);
}

static void hold(struct deliver *d, const struct due *due, int n)
{
    for (int i = 0; i < n; i++) {
        struct outlet *o = outlet_of(d, due[i].endpoint);
        o->failing = due[i].failing;
        o->held++;
        o->opened_us = clock_mono_us() - ENDPOINT_US; /* what came after a change is sent by it */
        d->held[d->helds++] = due[i];
    }
}

static void claim(struct deliver *d)
{
    OWN_ARENA struct arena *a = arena_new(CLAIM_MEMORY);
    struct due *due = a ? arena_take(a, HELD_MAX * sizeof *due) : NULL;
    struct err e;
    struct claim c = {d->outlet, d->outlets, d->c.to_endpoint, HELD_MAX - d->helds};
    int n = due ? outbox_claim(d->c.db, d->c.scope, &c, a, due, &e) : err_set(&e, ERR_NO_MEMORY, "deliver");
    if (n < 0)
        log_err(LOG_ERROR, "no events could be claimed; it is tried again", &e);
    for (int i = 0; i < d->outlets; i++)
        d->outlet[i].full = false;
    outlets_drop(d); /* makes places for new ones */
    hold(d, due, n);
    d->claim = n > 0 && n == c.most;
    for (int i = 0; i < d->outlets; i++) {
        struct outlet *o = &d->outlet[i];
        o->full = n >= 0 && o->flying + o->held >= outlet_now(d, o);
    }
}

/* Is there room again, where there was none? */
static bool wants_more(const struct deliver *d)
{
    if (!d->free || d->helds == HELD_MAX)
        return false;
    for (int i = 0; i < d->outlets; i++) {
        const struct outlet *o = &d->outlet[i];
        if (o->full && o->flying + o->held <= outlet_now(d, o) / 2)
            return true;
    }
    return d->claim;
}

/* One round; true: there is more to do at once. */
static bool turn(struct deliver *d, bool look)
{
    int running;
    curl_multi_perform(d->multi, &running);
    collect(d);
    if (d->urgent || d->ends >= RECORD_MANY)
        record(d); /* a claim goes by what is recorded */
    if ((look && d->free && d->helds < HELD_MAX) || wants_more(d))
        claim(d);
    int begun = launch(d);
    if (begun) /* on their way, before a commit is waited for */
        curl_multi_perform(d->multi, &running);
    if (record_in_ms(d) == 0)
        record(d);
    bool more = begun || wants_more(d); /* some of what was begun may have ended by now: nothing would wake a poll */
    outlets_drop(d);
    return more;
}

static void *deliver_loop(void *arg)
{
    struct deliver *d = arg;
    struct curl_waitfd bell = {jobs_told_fd(d->c.jobs), CURL_WAIT_POLLIN, 0};
    int64_t look_at = 0;
    bool rung = true;
    pthread_setname_np(pthread_self(), "deliver");
    while (!d->stop) {
        eventfd_t count;
        bool look = rung || clock_mono_us() >= look_at;
        rung = false;
        if (look)
            look_at = clock_mono_us() + LOOK_MS * 1000LL;
        if (turn(d, look))
            continue;
        int wait = record_in_ms(d);
        curl_multi_poll(d->multi, &bell, 1, wait < 0 ? LOOK_MS : wait, NULL);
        if (bell.revents && eventfd_read(bell.fd, &count) == 0)
            rung = true;
        bell.revents = 0;
    }
    for (int i = 0; i < d->helds; i++)
        give_back(d, &d->held[i]);
    d->helds = 0;
    if (d->ends || d->backs)
        record(d);
    arena_thread_end();
    return NULL;
}

static void deliver_free(struct deliver *d)
{
    for (int i = 0; d->all && i < d->c.at_once; i++) {
        struct sending *s = &d->all[i];
        if (s->handle && s->arena)
            curl_multi_remove_handle(d->multi, s->handle);
        curl_easy_cleanup(s->handle);
        curl_slist_free_all(s->header);
        arena_free(s->arena);
    }
    for (int i = 0; i < d->outlets; i++)
        arena_free(d->outlet[i].arena);
    if (d->multi)
        curl_multi_cleanup(d->multi);
    free(d->all);
    free(d);
}

int deliver_start(const struct deliver_config *c, struct deliver **ret, struct err *e)
{
    struct deliver *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(e, ERR_NO_MEMORY, "deliver");
    d->c = *c;
    d->c.at_once = c->at_once ? c->at_once : AT_ONCE;
    d->c.hold_ms = c->hold_ms ? c->hold_ms : HOLD_MS;
    d->c.to_endpoint = c->to_endpoint ? c->to_endpoint : TO_ENDPOINT;
    d->all = calloc((size_t)d->c.at_once, sizeof *d->all);
    d->multi = curl_multi_init();
    if (!d->all || !d->multi) {
        deliver_free(d);
        return err_set(e, ERR_NO_MEMORY, "deliver");
    }
    for (int i = 0; i < d->c.at_once; i++) {
        d->all[i].next = d->free;
        d->free = &d->all[i];
    }
    curl_multi_setopt(d->multi, CURLMOPT_MAXCONNECTS, 256L);
    if ((!db_shared(c->db) && outbox_release(c->db, c->scope, e)) ||
        pthread_create(&d->thread, NULL, deliver_loop, d)) {
        deliver_free(d);
        return err_set(e, ERR_INTERNAL, "no thread for deliveries");
    }
    *ret = d;
    return 0;
}

void deliver_stop(struct deliver *d)
{
    if (!d)
        return;
    d->stop = true;
    curl_multi_wakeup(d->multi);
    pthread_join(d->thread, NULL);
    deliver_free(d);
}
