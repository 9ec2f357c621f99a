-- People. One row a person, shared by every application.

CREATE TYPE user_role AS ENUM ('user', 'admin', 'operator', 'support');

CREATE TABLE users (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email                varchar(255) UNIQUE,
    phone                varchar(32) UNIQUE,
    telegram_id          bigint UNIQUE,
    hashed_password      text,
    is_verified          boolean NOT NULL DEFAULT false,
    role                 user_role NOT NULL DEFAULT 'user',
    created_at           timestamptz(6) NOT NULL DEFAULT now(),
    last_login_at        timestamptz(6),
    blocked_at           timestamptz(6),
    session_id           varchar(255),
    auth_token           varchar(255),
    session_epoch        bigint NOT NULL DEFAULT 0,
    credential_version   bigint NOT NULL DEFAULT 0,
    version              bigint NOT NULL DEFAULT 0,
    sessions_valid_after timestamptz(6)
);

COMMENT ON COLUMN users.email IS 'Trimmed and lower-cased; null for people who log in by SMS or Telegram';
COMMENT ON COLUMN users.phone IS 'E.164';
COMMENT ON COLUMN users.session_id IS 'Written by the older software, read by the legacy step';
COMMENT ON COLUMN users.auth_token IS 'The older software''s one token; receives web''s newest token while dual writing is on; never cleared';
COMMENT ON COLUMN users.session_epoch IS 'A session with a lower epoch has ended';
COMMENT ON COLUMN users.credential_version IS 'Rises with every change of password: a login that checked an older one fails';
COMMENT ON COLUMN users.version IS 'Rises with every change that a session decision depends on, by trigger';
COMMENT ON COLUMN users.sessions_valid_after IS 'A legacy Redis session that is not younger has ended';

-- The id under which the stores know a token: its SHA-256 in base64url. It is declared immutable, which
-- it is; convert_to alone is not, because of encodings that a database may be given at run time.
CREATE FUNCTION session_digest(token text) RETURNS varchar
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT translate(rtrim(encode(sha256(convert_to(token, 'UTF8')), 'base64'), '='), '+/', '-_')::varchar $$;

CREATE INDEX users_email_idx ON users (email);
CREATE INDEX users_session_id_idx ON users (session_id);
CREATE INDEX users_role_idx ON users (role);
CREATE INDEX users_created_at_idx ON users (created_at);
-- Legacy tokens are found by digest alone, so that a column's own idea of equality never decides.
CREATE INDEX users_auth_token_digest_idx ON users (session_digest(auth_token));
CREATE INDEX users_session_id_digest_idx ON users (session_digest(session_id));
