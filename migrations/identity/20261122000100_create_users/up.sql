-- People. One row a person, shared by every application. A table that the older software has filled is adopted.

DO $$
DECLARE
    id_type CONSTANT text := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute
                              WHERE attrelid = to_regclass('public.users') AND attname = 'id' AND NOT attisdropped);
BEGIN
    IF EXISTS (SELECT FROM adoption.found_relation WHERE name IN ('users', 'sessions', 'user_sessions'))
       AND current_setting('server_encoding') <> 'UTF8' THEN
        PERFORM adoption.refuse('a database that is taken over must have the encoding UTF8; restore a dump of it into one that has');
    END IF;
    IF to_regclass('public.users') IS NOT NULL AND id_type IS DISTINCT FROM 'uuid' THEN
        PERFORM adoption.refuse(format('users.id is %s, not uuid: this database cannot be taken over in place; migrate an empty one and bring '
            'the people there with `sessionctl legacy import`', coalesce(id_type, 'not there')));
    END IF;
END $$;

SELECT adoption.create_enum('20261122000100', 'user_role', 'user', 'admin', 'operator', 'support');

CREATE TABLE adoption.users (
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

COMMENT ON COLUMN adoption.users.email IS 'Trimmed and lower-cased; null for people who log in by SMS or Telegram';
COMMENT ON COLUMN adoption.users.phone IS 'E.164';
COMMENT ON COLUMN adoption.users.session_id IS 'Written by the older software, read by the legacy step';
COMMENT ON COLUMN adoption.users.auth_token IS 'The older software''s one token; receives web''s newest token while dual writing is on; never cleared';
COMMENT ON COLUMN adoption.users.session_epoch IS 'A session with a lower epoch has ended';
COMMENT ON COLUMN adoption.users.credential_version IS 'Rises with every change of password: a login that checked an older one fails';
COMMENT ON COLUMN adoption.users.version IS 'Rises with every change that a session decision depends on, by trigger';
COMMENT ON COLUMN adoption.users.sessions_valid_after IS 'A legacy Redis session that is not younger has ended';

-- The id under which the stores know a token: its SHA-256 in base64url. It is declared immutable, which
-- it is; convert_to alone is not, because of encodings that a database may be given at run time.
CREATE FUNCTION session_digest(token text) RETURNS varchar
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT translate(rtrim(encode(sha256(convert_to(token, 'UTF8')), 'base64'), '='), '+/', '-_')::varchar $$;

CREATE INDEX users_email_idx ON adoption.users (email);
CREATE INDEX users_session_id_idx ON adoption.users (session_id);
CREATE INDEX users_role_idx ON adoption.users (role);
CREATE INDEX users_created_at_idx ON adoption.users (created_at);
-- Legacy tokens are found by digest alone, so that a column's own idea of equality never decides.
CREATE INDEX users_auth_token_digest_idx ON adoption.users (session_digest(auth_token));
CREATE INDEX users_session_id_digest_idx ON adoption.users (session_digest(session_id));

-- The accepted spelling of what an adopted table may hold, or null for what is none. --------------------

-- The collation "C" lower-cases ASCII alone, the program every letter; ICU does as the program does.
DO $do$
BEGIN
    EXECUTE format($sql$
        CREATE FUNCTION adoption.email_of(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $f$
            SELECT CASE WHEN spelled ~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' AND length(spelled) <= 255 THEN spelled END
            FROM (SELECT lower(btrim(value, E' \t\n\r\f\v\u0085\u00a0\u2003\u2009\u202f\u3000') %s) AS spelled) AS s
        $f$ $sql$,
        CASE WHEN EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN 'COLLATE "und-x-icu"' END);
END $do$;

-- Only what is international already. Which country a national number belongs to cannot be told from it, and to guess
-- would be to give an account to whoever has that number elsewhere.
CREATE FUNCTION adoption.phone_of(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT substring(regexp_replace(translate(value, E' \t\u00a0-.()/', ''), '^00', '+') FROM '^\+[1-9][0-9]{6,14}$')
$$;

CREATE FUNCTION adoption.telegram_id_of(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (substring(btrim(value) FROM '^[0-9]{1,18}$')::bigint)::text WHERE btrim(value) !~ '^0+$'
$$;

-- Nobody becomes more than they were.
CREATE FUNCTION adoption.role_of(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT coalesce(substring(lower(btrim(value)) FROM '^(user|admin|operator|support)$'), 'user')
$$;

SELECT adoption.settle('20261122000100', 'users', '{"email": "adoption.email_of", "phone": "adoption.phone_of",
    "telegram_id": "adoption.telegram_id_of", "role": "adoption.role_of"}');
