-- What staff look through: people by a prefix of what names them, the newest first by role and state; the audit log, the
-- newest line first. Each order ends in the id, so that a page begins exactly where the one before it ended.

CREATE INDEX users_newest_idx ON users (created_at, id);
CREATE INDEX users_role_newest_idx ON users (role, created_at, id);
CREATE INDEX users_blocked_newest_idx ON users (created_at, id) WHERE blocked_at IS NOT NULL;
-- By bytes: of no other collation is "begins with" a range.
CREATE INDEX users_email_prefix_idx ON users (email COLLATE "C", id);
CREATE INDEX users_phone_prefix_idx ON users (phone COLLATE "C", id);
-- The few who are blocked, so that they are not looked for among all whose names begin alike.
CREATE INDEX users_blocked_email_prefix_idx ON users (email COLLATE "C", id) WHERE blocked_at IS NOT NULL;
CREATE INDEX users_blocked_phone_prefix_idx ON users (phone COLLATE "C", id) WHERE blocked_at IS NOT NULL;

CREATE INDEX audit_log_newest_idx ON audit_log (at, id);
CREATE INDEX audit_log_actor_newest_idx ON audit_log (actor_id, at, id);
CREATE INDEX audit_log_subject_newest_idx ON audit_log (subject_id, at, id);
CREATE INDEX audit_log_action_newest_idx ON audit_log (action, at, id);
DROP INDEX audit_log_at_idx, audit_log_actor_id_idx, audit_log_subject_id_idx, audit_log_action_idx;
