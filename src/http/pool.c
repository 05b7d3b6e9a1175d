#include <stdlib.h>

#include "http/conn_int.h"

/* Many handlers exist, because most of them wait for a commit; few should run. So at most one is on its way to the queue at
 * any time, and one that takes a request while more are waiting sends for the next. Quick requests thus stay on the threads
 * that are awake, and slow ones spread over as many as there are. */

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


/* NULL: the pool is ending and nothing is left. */
static struct conn *pool_take(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->ending) {
        p->idle++;
        pthread_cond_wait(&p->wake, &p->lock);
        p->idle--;
        p->waking = false;
    }
    struct conn *c = p->first;
    if (c) {
        p->first = c->mail;
        c->mail = NULL;
    }
    bool more = p->first && p->idle && !p->waking;
    p->waking |= more;
    pthread_mutex_unlock(&p->lock);
    if (more)
        pthread_cond_signal(&p->wake);
    return c;
}

static void *handle(void *server)
{
    pthread_setname_np(pthread_self(), "handler");
    struct http_server *s = server;
    for (struct conn *c; (c = pool_take(&s->pool));) {
        struct exchange *x = c->x;
        struct http_request *q = &x->reader.request;
        s->fn(s->ctx, q, &x->reply);
        x->last |= atomic_load_explicit(&s->draining, memory_order_relaxed);
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
    bool wake = p->idle && !p->waking;
    p->waking |= wake;
    pthread_mutex_unlock(&p->lock);
    if (wake)
        pthread_cond_signal(&p->wake);
}

int pool_open(struct pool *p, struct http_server *s, struct err *e)
{
    p->thread = calloc((size_t)s->c.handlers, sizeof *p->thread);
    if (!p->thread)
        return err_set(e, ERR_NO_MEMORY, "no memory for handler threads");
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, STACK);
    while (p->threads < s->c.handlers && pthread_create(&p->thread[p->threads], &a, handle, s) == 0)
        p->threads++;
    pthread_attr_destroy(&a);
    if (p->threads == s->c.handlers)
        return 0;
    return err_set(e, ERR_CONFIG, "only %d of %d handler threads could be started; ask for fewer", p->threads, s->c.handlers);
}

void pool_close(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_mutex_unlock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    for (int i = 0; i < p->threads; i++)
        pthread_join(p->thread[i], NULL);
    free(p->thread);
    p->thread = NULL;
}
