#include <stdlib.h>

#include "http/conn_int.h"

/* Many handlers exist, because most of them wait for a commit; few should run. So at most one is on its way to the
 * queue at any time, and one that takes a request while more are waiting sends for the next. Quick requests thus stay
 * on the threads that are awake, and slow ones spread over as many as there are. */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STACK = 4 * 1024 * 1024 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { STACK = 4 * 1024 * 1024 };
#else
enum { STACK = 512 * 1024 };
#endif
#else
enum { STACK = 512 * 1024 };
#endif

/* Takes a sleeper off the stack when one should be woken; under the lock. */
static struct handler *sleeper(struct pool *p)
{
    struct handler *h = p->first && !p->waking ? p->idle : NULL;
    if (h) {
        p->idle = h->below;
        p->waking = true;
    }
    return h;
}

/* NULL: the pool is ending and nothing is left. */
static struct conn *pool_take(struct pool *p, struct handler *me)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->ending) {
        me->below = p->idle;
        p->idle = me;
        pthread_mutex_unlock(&p->lock);
        while (sem_wait(&me->wake))
            ;
        pthread_mutex_lock(&p->lock);
        p->waking = false;
    }
    struct conn *c = p->first;
    if (c) {
        p->first = c->mail;
        c->mail = NULL;
    }
    struct handler *next = sleeper(p);
    pthread_mutex_unlock(&p->lock);
    if (next)
        sem_post(&next->wake);
    return c;
}

static void *handle(void *arg)
{
    pthread_setname_np(pthread_self(), "handler");
    struct handler *me = arg;
    struct http_server *s = me->server;
    for (struct conn *c; (c = pool_take(&s->pool, me));) {
        struct exchange *x = c->x;
        struct http_request *q = &x->reader.request;
        s->fn(s->ctx, q, &x->reply);
        x->last |= atomic_load_explicit(&s->draining, memory_order_relaxed);
        transfer_end(x);
        if (!x->transfer.begun)
            reply_lead(x, q);
        loop_post(c);
    }
    arena_thread_end();
    return NULL;
}

void pool_submit(struct pool *p, struct conn *c)
{
    c->mail = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->first)
        p->last->mail = c;
    else
        p->first = c;
    p->last = c;
    struct handler *h = sleeper(p);
    pthread_mutex_unlock(&p->lock);
    if (h)
        sem_post(&h->wake);
}

int pool_open(struct pool *p, struct http_server *s, struct err *e)
{
    p->handler = calloc((size_t)s->c.handlers, sizeof *p->handler);
    if (!p->handler)
        return err_set(e, ERR_NO_MEMORY, "no memory for handler threads");
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, STACK);
    for (; p->handlers < s->c.handlers; p->handlers++) {
        struct handler *h = &p->handler[p->handlers];
        h->server = s;
        sem_init(&h->wake, 0, 0);
        if (pthread_create(&h->thread, &a, handle, h))
            break;
    }
    pthread_attr_destroy(&a);
    if (p->handlers == s->c.handlers)
        return 0;
    return err_set(e, ERR_CONFIG, "only %d of %d handler threads could be started; ask for fewer", p->handlers,
                   s->c.handlers);
}

void pool_close(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    for (; p->idle; p->idle = p->idle->below)
        sem_post(&p->idle->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->handlers; i++) {
        pthread_join(p->handler[i].thread, NULL);
        sem_destroy(&p->handler[i].wake);
    }
    free(p->handler);
    p->handler = NULL;
    p->handlers = 0;
}
