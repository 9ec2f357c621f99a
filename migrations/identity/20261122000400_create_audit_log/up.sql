-- Who did what, to whom, from where and when. The applications' role may add and read, nothing else; no
-- foreign keys, because a line outlives the people that it names.

CREATE TABLE audit_log (
    id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at                  timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
    action              varchar(60) NOT NULL,
    application_context application_type,
    actor_id            uuid,
    subject_id          uuid,
    session_id          varchar(255),
    ip_address          inet,
    user_agent          text,
    detail              jsonb
);

COMMENT ON COLUMN audit_log.actor_id IS 'Who acted; null for the command line';
COMMENT ON COLUMN audit_log.subject_id IS 'To whom';
COMMENT ON COLUMN audit_log.detail IS 'Old and new values; never a secret';

CREATE INDEX audit_log_at_idx ON audit_log (at);
CREATE INDEX audit_log_actor_id_idx ON audit_log (actor_id, at);
CREATE INDEX audit_log_subject_id_idx ON audit_log (subject_id, at);
CREATE INDEX audit_log_action_idx ON audit_log (action, at);
