/* sensor.h -- the sensors in a house: who installs mounts them, and takes them away.
 *
 * With a sensor comes the stream of what it measures (stream.h): somebody's data, of which whoever mounts it learns
 * nothing. Both are made in one transaction, and not when consent was withdrawn. A removed one stays, as what was
 * there. Every call is one transaction behind the caller's gate with one audit entry. Knows nothing of HTTP. */
#ifndef STUDY_SENSOR_H
#define STUDY_SENSOR_H

#include "study/stream.h"

enum {
    SENSORS_PAGE = 100,
    SENSORS_MOUNTED = 64, /* in one house at a time */
    SENSORS_MAX = 500,    /* that a house ever has */
    SENSOR_LABEL_MAX = 64 /* bytes */
};

struct sensor {
    int64_t id, patient_id; /* the caller's numbers: of the sensor; of its house, or (a doctor) of who lives there */
    int64_t rev;
    struct stream_card card;
    int64_t since, until; /* cut for the caller; until 0: it is mounted */
};

/* In a house by the caller's number that was given to them (ERR_NOT_FOUND). ERR_CONSENT; ERR_RULE with a sentence: it
 * has as many as may be, or whose data that would be cannot be told. */
int sensor_add(const struct study *s, const struct caller *c, int64_t patient_id, const struct stream_card *n,
               const struct audit_entry *audit, struct arena *a, struct sensor *ret, struct err *e);

struct sensor_page {
    struct sensor *sensor;
    int n;
    int64_t all;
    int64_t next; /* the number to go on behind; 0: there are no more */
};
/* In the order of the caller's own numbers. 1; 0: the caller sees no such house. */
int sensor_list(const struct study *s, const struct caller *c, int64_t patient_id, int64_t after, int limit,
                const struct audit_entry *audit, struct arena *a, struct sensor_page *ret, struct err *e);
int sensor_read(const struct study *s, const struct caller *c, int64_t id, const struct audit_entry *audit,
                struct arena *a, struct sensor *ret, struct err *e);
/* Its stream ends. ERR_NOT_FOUND; ERR_PRECONDITION; ERR_RULE with a sentence: it was removed. */
int sensor_remove(const struct study *s, const struct caller *c, int64_t id, const struct study_revs *only,
                  const struct audit_entry *audit, struct arena *a, struct sensor *ret, struct err *e);

#endif
