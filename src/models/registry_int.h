/* registry_int.h -- what registry.c and prove.c share. */
#ifndef MODELS_REGISTRY_INT_H
#define MODELS_REGISTRY_INT_H

#include <pthread.h>

#include "models/registry.h"

struct registry {
    struct db *db;
    uint8_t scope[16];
    char *folder;
    pthread_mutex_t adding; /* one folder at a time is copied; nobody who only reads waits for it */
    pthread_rwlock_t lock;  /* guards what follows; models themselves never change but for `stable` */
    struct arena *arena;
    struct model *model[REGISTRY_MODELS];
    int n;
    int64_t looked_us; /* monotonic: when the store was last read */
};

#endif
