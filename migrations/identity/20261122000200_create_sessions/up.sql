-- Sessions of every application. A row outlives its session: a revoked one is the tombstone that keeps
-- anything older from bringing the session back.

CREATE TYPE application_type AS ENUM ('web', 'admin');

CREATE TABLE sessions (
    id                  varchar(255) PRIMARY KEY,
    user_id             uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    application_context application_type NOT NULL DEFAULT 'web',
    data                jsonb,
    expires_at          timestamptz(6) NOT NULL,
    created_at          timestamptz(6) NOT NULL DEFAULT now(),
    last_activity       timestamptz(6) NOT NULL DEFAULT now(),
    ip_address          inet,
    user_agent          text,
    revoked             boolean NOT NULL DEFAULT false,
    revoked_at          timestamptz(6),
    -- A row written by anyone else gets the shortest absolute life that is shipped.
    absolute_expires_at timestamptz(6) NOT NULL DEFAULT now() + interval '12 hours',
    session_epoch       bigint NOT NULL DEFAULT 0,
    auth_method         varchar(20) NOT NULL DEFAULT 'legacy'
                        CHECK (auth_method IN ('password', 'sms', 'telegram', 'legacy')),
    authenticated_at    timestamptz(6)
);

COMMENT ON COLUMN sessions.id IS 'SHA-256 of the token in base64url; the token itself is stored nowhere';
COMMENT ON COLUMN sessions.expires_at IS 'The idle end, moved by use and never past absolute_expires_at';
COMMENT ON COLUMN sessions.session_epoch IS 'The user''s at login';
COMMENT ON COLUMN sessions.authenticated_at IS 'The last proof of identity in this session; null when there never was one';

CREATE INDEX sessions_user_id_idx ON sessions (user_id);
CREATE INDEX sessions_application_context_user_id_idx ON sessions (application_context, user_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);
CREATE INDEX sessions_created_at_idx ON sessions (created_at);
CREATE INDEX sessions_revoked_idx ON sessions (revoked);

-- A person's live sessions, in the words of the older software.
CREATE VIEW user_sessions AS
SELECT s.id, s.user_id, s.id AS auth_token, s.created_at, s.last_activity AS last_seen_at
FROM sessions s
JOIN users u ON u.id = s.user_id
WHERE NOT s.revoked
  AND s.expires_at > clock_timestamp()
  AND s.absolute_expires_at > clock_timestamp()
  AND s.session_epoch >= u.session_epoch
  AND u.blocked_at IS NULL;
