CREATE INDEX audit_log_at_idx ON audit_log (at);
CREATE INDEX audit_log_actor_id_idx ON audit_log (actor_id, at);
CREATE INDEX audit_log_subject_id_idx ON audit_log (subject_id, at);
CREATE INDEX audit_log_action_idx ON audit_log (action, at);
DROP INDEX audit_log_newest_idx, audit_log_actor_newest_idx, audit_log_subject_newest_idx, audit_log_action_newest_idx;

DROP INDEX users_newest_idx, users_role_newest_idx, users_blocked_newest_idx, users_email_prefix_idx, users_phone_prefix_idx,
    users_blocked_email_prefix_idx, users_blocked_phone_prefix_idx;
