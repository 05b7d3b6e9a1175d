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
    CLAIM_MEMORY = 4 << 20,
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
    struct busy busy;
    struct sending *free, *all;
    struct outcome ended[AT_ONCE_MAX]; /* not recorded yet */
    int ends;
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

static int sign(struct sending *s, const struct endpoint *x, struct err *e)
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

/* Of a full payload: the result is disclosed to this endpoint, and the log says so before it is sent. 1, 0 nowhere. */
static int make_full(struct sending *s, const struct due *d, const struct endpoint *x, const char **ret_url,
                     struct err *e)
{
    struct job_view v;
    struct json plan;
    struct json_fault f;
    int found = job_read(s->deliver->c.jobs, NULL, d->job, &worker_reads, s->arena, &v, e);
    if (found <= 0 || v.erased_at)
        return found < 0 ? -1 : 0;
    snprintf(s->trace, sizeof s->trace, "%s", v.trace);
    *ret_url = x->url;
    if (x->origin) {
        if (json_parse(s->arena, v.plan, &plan, &f))
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
    return full_body(s, &v, d->job, e) ? -1 : 1;
}

static int make_thin(struct sending *s, const struct due *d, const struct endpoint *x, const char **ret_url,
                     struct err *e)
{
    struct rows r;
    if (db_rows(s->deliver->c.db, s->arena, &r, e,
                "SELECT state, trace, updated_at FROM job WHERE scope = $1 AND id = $2", V_ID(s->deliver->c.scope),
                V_ID(d->job)) < 0)
        return -1;
    if (r.n == 0)
        return 0;
    const struct val *v = row_at(&r, 0, 0);
    snprintf(s->trace, sizeof s->trace, "%.*s", SLICE_FMT(v[1].s));
    *ret_url = x->url;
    return thin_body(s, job_state_named(v[0].s), d->job, v[2].i, e) ? -1 : 1;
}

static int begin(struct sending *s, const struct due *d, struct err *e)
{
    struct endpoint x;
    char id[UUID_TEXT];
    const char *url = NULL;
    int found =
        endpoint_open(s->deliver->c.db, s->deliver->c.keyring, s->deliver->c.scope, d->endpoint, s->arena, &x, e);
    if (found <= 0)
        return found;
    s->outcome.was_failing = x.failing_since != 0;
    memcpy(s->id, "msg_", 4);
    memcpy(s->id + 4, uuid_text(d->event, id), UUID_TEXT);
    found = x.full ? make_full(s, d, &x, &url, e) : make_thin(s, d, &x, &url, e);
    if (found <= 0)
        return found;
    s->plain = !slice_starts(slice_of(url), "https://");
    return sign(s, &x, e) || prepare_handle(s, url, e) ? -1 : 1;
}

static struct sending *sending_take(struct deliver *d, const struct due *due)
{
    struct sending *s = d->free;
    d->free = s->next;
    CURL *handle = s->handle;
    struct sending *next = s->next;
    *s = (struct sending){
        .next = next, .deliver = d, .handle = handle, .arena = arena_new(SENDING_MEMORY), .begun_us = clock_mono_us()};
    s->outcome.attempts = due->attempts;
    memcpy(s->outcome.event, due->event, 16);
    memcpy(s->outcome.endpoint, due->endpoint, 16);
    memcpy(d->busy.endpoint[d->busy.n++], due->endpoint, 16);
    return s;
}

static void sending_give(struct sending *s)
{
    struct deliver *d = s->deliver;
    for (int i = 0; i < d->busy.n; i++)
        if (memcmp(d->busy.endpoint[i], s->outcome.endpoint, 16) == 0) {
            memcpy(d->busy.endpoint[i], d->busy.endpoint[--d->busy.n], 16);
            break;
        }
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
    s->outcome.reason = reason;
    s->outcome.status = status;
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
    if (d->ends == 0)
        return;
    fault_crash(CRASH_hook_sent);
    if (outbox_record(d->c.db, d->c.scope, d->ended, d->ends, &e))
        log_err(LOG_ERROR, "deliveries could not be recorded; they will be repeated", &e);
    fault_crash(CRASH_hook_recorded);
    d->ends = 0;
}

/* One that cannot be made ready keeps its claim and is tried again when that has run out; no other waits for it. */
static int fill(struct deliver *d, struct err *e)
{
    OWN_ARENA struct arena *a = arena_new(CLAIM_MEMORY);
    struct due due[AT_ONCE_MAX];
    int room = d->c.at_once - d->busy.n;
    if (!a)
        return err_set(e, ERR_NO_MEMORY, "deliver");
    int n = room > 0 ? outbox_claim(d->c.db, d->c.scope, &d->busy, d->c.to_endpoint, room, a, due, e) : 0;
    for (int i = 0; i < n; i++) {
        struct sending *s = sending_take(d, &due[i]);
        int rc = s->arena ? begin(s, &due[i], e) : err_set(e, ERR_NO_MEMORY, "deliver");
        if (rc < 0) {
            log_err(LOG_ERROR, "an event could not be made ready; it is tried again later", e);
            sending_give(s);
        } else if (rc == 0) {
            ended(s, REASON_NOWHERE, 0);
        }
    }
    return n;
}

static void *deliver_loop(void *arg)
{
    struct deliver *d = arg;
    struct curl_waitfd bell = {jobs_told_fd(d->c.jobs), CURL_WAIT_POLLIN, 0};
    int64_t look_at = 0;
    bool more = true;
    pthread_setname_np(pthread_self(), "deliver");
    while (!d->stop) {
        struct err e;
        int running, woken = 0;
        eventfd_t count;
        if (more || clock_mono_us() >= look_at) {
            int n = fill(d, &e);
            if (n < 0)
                log_err(LOG_ERROR, "no events could be claimed; it is tried again", &e);
            more = false;
            look_at = clock_mono_us() + LOOK_MS * 1000LL;
        }
        curl_multi_perform(d->multi, &running);
        collect(d);
        more = d->ends > 0; /* an endpoint has room again */
        record(d);
        if (more)
            continue;
        curl_multi_poll(d->multi, &bell, 1, LOOK_MS, &woken);
        if (bell.revents && eventfd_read(bell.fd, &count) == 0)
            more = true;
        bell.revents = 0;
    }
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
