-- What the web application keeps with a session and nothing else reads: how its pages look and in which language they speak.
-- It may stand in a database of its own, so nothing here refers to users or sessions.
CREATE TABLE web_sessions (
    id varchar(255) PRIMARY KEY,
    user_id uuid NOT NULL,
    data jsonb,
    preferences jsonb,
    theme varchar(20) CHECK (theme IN ('system', 'light', 'dark')),
    language varchar(10) CHECK (language IN ('en', 'ru')),
    expires_at timestamptz(6) NOT NULL,
    created_at timestamptz(6) NOT NULL DEFAULT now(),
    last_activity timestamptz(6) NOT NULL DEFAULT now()
);

COMMENT ON COLUMN web_sessions.id IS 'The id of the session: the digest of its token, as in sessions.id.';
COMMENT ON COLUMN web_sessions.expires_at IS 'The absolute end of the session; after it the row may be purged.';

-- A new session begins with what the person chose last, in any.
CREATE INDEX web_sessions_user_id_idx ON web_sessions (user_id, last_activity DESC);
CREATE INDEX web_sessions_expires_at_idx ON web_sessions (expires_at);
