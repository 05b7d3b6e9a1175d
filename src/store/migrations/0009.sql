-- What is forgotten after webhook.keep_days.
CREATE INDEX event_ended ON webhook_event (created_at) WHERE next_at IS NULL;
