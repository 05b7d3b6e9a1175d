/* streams.c -- /api/v1: sensors in homes, and the streams of what they measure; each to the roles that see it. */
#include "api/home_int.h"
#include "study/sensor.h"

enum { ANSWER_KIB = 8, PAGE_KIB = 256 };

static int id_of(struct api_request *q, const char *loc, int64_t *ret, struct err *e)
{
    return api_record_id(q, q->param[0], loc, ret, e);
}

static void put_card(struct json_out *o, const struct stream_card *c)
{
    json_pair_str(o, "kind", stream_kind_name(c->kind));
    json_pair(o, "unit", c->unit);
    if (c->label.p)
        json_pair(o, "label", c->label);
}

static void put_hue(struct json_out *o, int64_t number)
{
    char hue[HUE_TEXT];
    json_pair_str(o, "hue", hue_of(number, hue));
}

/* --- sensors --- */

static void put_sensor(struct json_out *o, const struct sensor *s)
{
    json_open(o, '{');
    json_pair_int(o, "sensor_id", s->id);
    json_pair_int(o, "patient_id", s->patient_id);
    put_hue(o, s->patient_id);
    put_card(o, &s->card);
    api_pair_time(o, "date_start", s->since);
    api_pair_time(o, "date_end", s->until);
    json_close(o, '}');
}

static int send_sensor(struct api_request *q, int status, const struct sensor *s, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    put_sensor(&o, s);
    api_tag_rev(q, s->rev);
    return api_answer(q, status, &b, e);
}

int api_sensor_list(struct api_request *q, struct err *e)
{
    struct sensor_page page;
    struct buf b = buf_in(q->arena, PAGE_KIB << 10);
    struct json_out o = json_out(&b);
    int64_t id, after;
    int limit;
    if (id_of(q, "path/patient_id", &id, e) || api_page_asked(q, SENSORS_PAGE, &limit, &after, e))
        return -1;
    int found = sensor_list(&q->api->study, &q->caller, id, after, limit, &q->audit, q->arena, &page, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        put_sensor(&o, &page.sensor[i]);
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, limit);
    return api_answer(q, 200, &b, e);
}

int api_sensor_add(struct api_request *q, struct err *e)
{
    struct json j;
    struct stream_card form;
    struct sensor made;
    const char *field;
    int64_t id;
    if (id_of(q, "path/patient_id", &id, e) || api_object(q, &j, e))
        return -1;
    const char *fault = stream_form(&j, q->arena, &form, &field);
    if (fault)
        return api_form_refused(q, field, fault, e);
    if (sensor_add(&q->api->study, &q->caller, id, &form, &q->audit, q->arena, &made, e))
        return api_home_failed(q, e);
    return send_sensor(q, 201, &made, e);
}

int api_sensor_get(struct api_request *q, struct err *e)
{
    struct sensor s;
    int64_t id;
    if (id_of(q, "path/sensor_id", &id, e))
        return -1;
    int found = sensor_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &s, e);
    return found < 0 ? -1 : found ? send_sensor(q, 200, &s, e) : api_record_absent(e);
}

int api_sensor_remove(struct api_request *q, struct err *e)
{
    struct sensor s;
    const struct study_revs only = api_revs(q);
    int64_t id;
    if (id_of(q, "path/sensor_id", &id, e))
        return -1;
    if (sensor_remove(&q->api->study, &q->caller, id, &only, &q->audit, q->arena, &s, e))
        return api_home_failed(q, e);
    return send_sensor(q, 200, &s, e);
}

/* --- streams --- */

static void put_stream(struct json_out *o, const struct stream *s)
{
    json_open(o, '{');
    json_pair_int(o, "stream_id", s->id);
    json_pair_int(o, "patient_id", s->patient_id);
    if (s->data_id)
        json_pair_int(o, "data_id", s->data_id);
    put_hue(o, s->patient_id);
    put_card(o, &s->card);
    json_pair_int(o, "epoch", s->epoch);
    api_pair_time(o, "date_start", s->since);
    api_pair_time(o, "date_end", s->until);
    if (s->ended.p)
        json_pair(o, "ended", s->ended);
    json_close(o, '}');
}

static int send_stream(struct api_request *q, const struct stream *s, struct err *e)
{
    struct buf b = buf_in(q->arena, ANSWER_KIB << 10);
    struct json_out o = json_out(&b);
    put_stream(&o, s);
    api_tag_rev(q, s->rev);
    return api_answer(q, 200, &b, e);
}

static int list_of(struct api_request *q, enum stream_of of, struct err *e)
{
    struct stream_page page;
    struct buf b = buf_in(q->arena, PAGE_KIB << 10);
    struct json_out o = json_out(&b);
    int64_t id, after;
    int limit;
    if (id_of(q, "path/patient_id", &id, e) || api_page_asked(q, STREAMS_PAGE, &limit, &after, e))
        return -1;
    int found = stream_list(&q->api->study, &q->caller, of, id, after, limit, &q->audit, q->arena, &page, e);
    if (found <= 0)
        return found ? -1 : api_record_absent(e);
    json_open(&o, '[');
    for (int i = 0; i < page.n; i++)
        put_stream(&o, &page.stream[i]);
    json_close(&o, ']');
    api_page_told(q, page.all, page.next, limit);
    return api_answer(q, 200, &b, e);
}

int api_installation_streams(struct api_request *q, struct err *e)
{
    return list_of(q, STREAMS_OF_HOUSE, e);
}

int api_patient_streams(struct api_request *q, struct err *e)
{
    return list_of(q, STREAMS_OF_PERSON, e);
}

int api_stream_get(struct api_request *q, struct err *e)
{
    struct stream s;
    int64_t id;
    if (id_of(q, "path/stream_id", &id, e))
        return -1;
    int found = stream_read(&q->api->study, &q->caller, id, &q->audit, q->arena, &s, e);
    return found < 0 ? -1 : found ? send_stream(q, &s, e) : api_record_absent(e);
}

int api_stream_close(struct api_request *q, struct err *e)
{
    struct stream s;
    const struct study_revs only = api_revs(q);
    int64_t id;
    if (id_of(q, "path/stream_id", &id, e))
        return -1;
    if (stream_close(&q->api->study, &q->caller, id, &only, &q->audit, q->arena, &s, e))
        return api_home_failed(q, e);
    return send_stream(q, &s, e);
}
