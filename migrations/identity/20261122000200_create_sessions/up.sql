-- Sessions of every application. A row outlives its session: a revoked one is the tombstone that keeps
-- anything older from bringing the session back.

-- What the older software has: its tables keep every byte and stand aside; their sessions become rows below.
DO $$
DECLARE
    older record;
BEGIN
    FOR older IN SELECT f.name, c.relkind, EXISTS (SELECT FROM pg_attribute WHERE attrelid = f.relation AND attname = 'absolute_expires_at') AS ours,
                        (SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = f.relation AND attname = 'user_id' AND NOT attisdropped) AS user_id,
                        (SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = f.relation AND NOT attisdropped
                         AND attname = CASE f.name WHEN 'sessions' THEN 'id' ELSE 'auth_token' END) AS token
                 FROM adoption.found_relation f JOIN pg_class c ON c.oid = f.relation WHERE f.name IN ('sessions', 'user_sessions') LOOP
        IF older.relkind <> 'r' THEN
            PERFORM adoption.refuse(format('%s is no ordinary table; rename or drop it, then run again', older.name));
        ELSIF older.user_id IS DISTINCT FROM 'uuid' OR older.token IS NULL OR older.token NOT IN ('character varying', 'text', 'character', 'uuid') THEN
            PERFORM adoption.refuse(format('%1$s cannot be taken over: %2$s must be text and is %3$s, user_id must be uuid and is %4$s; rename the table, then run again',
                older.name, CASE older.name WHEN 'sessions' THEN 'id' ELSE 'auth_token' END, coalesce(older.token, 'not there'), coalesce(older.user_id, 'not there')));
        ELSIF older.ours THEN
            PERFORM adoption.refuse('sessions has the columns of this system, but no record says that its migrations ran; restore __diesel_schema_migrations too');
        END IF;
        EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', older.name);
    END LOOP;
    IF EXISTS (SELECT FROM adoption.found_relation WHERE name = 'user_sessions') THEN
        IF to_regclass('public.legacy_user_sessions') IS NOT NULL THEN
            PERFORM adoption.refuse('user_sessions is to become legacy_user_sessions, which exists; rename that, then run again');
        END IF;
        PERFORM adoption.apply('20261122000200', 'renamed user_sessions to legacy_user_sessions',
            'ALTER TABLE public.user_sessions RENAME TO legacy_user_sessions', 'ALTER TABLE public.legacy_user_sessions RENAME TO user_sessions');
    END IF;
    IF EXISTS (SELECT FROM adoption.found_relation WHERE name = 'sessions') THEN
        PERFORM adoption.apply('20261122000200', 'put the older table sessions aside',
            'ALTER TABLE public.sessions SET SCHEMA adoption', 'ALTER TABLE adoption.sessions SET SCHEMA public');
    END IF;
END $$;

SELECT adoption.create_enum('20261122000200', 'application_type', 'web', 'admin');

CREATE TABLE sessions (
    id                  varchar(255) PRIMARY KEY,
    user_id             uuid NOT NULL,
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
    authenticated_at    timestamptz(6),
    adopted_from        varchar(20)
                        CHECK (adopted_from IN ('redis', 'auth_token', 'session_id', 'user_sessions', 'sessions', 'import'))
);

COMMENT ON COLUMN sessions.id IS 'SHA-256 of the token in base64url; the token itself is stored nowhere';
COMMENT ON COLUMN sessions.expires_at IS 'The idle end, moved by use and never past absolute_expires_at';
COMMENT ON COLUMN sessions.session_epoch IS 'The user''s at login';
COMMENT ON COLUMN sessions.authenticated_at IS 'The last proof of identity in this session; null when there never was one';
COMMENT ON COLUMN sessions.adopted_from IS 'Where the older software kept it: a legacy Redis key, a column of users, its own table, an imported file; null for a session that began here';

-- The expression that reads a column of an older table as what it is here; null where there is no such column.
CREATE FUNCTION adoption.older_column(relation regclass, col name, to_type text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    had CONSTANT text := (SELECT format_type(atttypid, NULL) FROM pg_attribute
                          WHERE attrelid = relation AND attname = col AND NOT attisdropped);
BEGIN
    CASE
        WHEN had IS NULL THEN RETURN format('NULL::%s', to_type);
        WHEN had = to_type OR to_type = 'text' THEN RETURN format('%I::%s', col, to_type);
        WHEN had = 'timestamp without time zone' AND to_type = 'timestamptz' THEN RETURN format('%I AT TIME ZONE ''UTC''', col);
        WHEN had = 'timestamp with time zone' AND to_type = 'timestamptz' THEN RETURN quote_ident(col);
        WHEN to_type IN ('inet', 'jsonb') THEN RETURN format('adoption.%s_of(%I::text)', to_type, col);
        ELSE
            PERFORM adoption.refuse(format('%s.%s is %s, which cannot be taken for %s; change its type, then run again', relation, col, had, to_type));
    END CASE;
END $$;

-- What is no address or no JSON is left out of the row; the older table still has it.
CREATE FUNCTION adoption.inet_of(value text) RETURNS inet LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN btrim(value)::inet;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;

CREATE FUNCTION adoption.jsonb_of(value text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN value::jsonb;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;

-- What the program takes for an older token. (As one pattern with its length it costs a hundred times as much.)
CREATE FUNCTION adoption.is_token(value text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT value IS NOT NULL AND length(value) BETWEEN 6 AND 255 AND value !~ '[^A-Za-z0-9_-]'
$$;

-- Each older session goes on under the digest of its token. Its idle and absolute time count from now, by the defaults of its
-- application; an end that the older software has set earlier stands.
DO $$
DECLARE
    older record;
    tokens text := 'SELECT auth_token::text, id FROM users UNION ALL SELECT session_id::text, id FROM users';
    shared text[];
    counted record;
    taken bigint;
BEGIN
    CREATE TABLE adoption.older_sessions (source text, relation regclass, columns text);
    INSERT INTO adoption.older_sessions
    SELECT source, relation, format(
        '%I::text AS token, user_id, coalesce(lower(btrim(%s)), ''web'') AS context, %s AS data, %s AS expires_at, %s AS created_at,
         coalesce(%s, %s) AS last_activity, %s AS ip_address, %s AS user_agent, coalesce(%s, false) AS revoked, %s AS revoked_at',
        token, adoption.older_column(relation, 'application_context', 'text'), adoption.older_column(relation, 'data', 'jsonb'),
        adoption.older_column(relation, 'expires_at', 'timestamptz'), adoption.older_column(relation, 'created_at', 'timestamptz'),
        adoption.older_column(relation, 'last_activity', 'timestamptz'), adoption.older_column(relation, 'last_seen_at', 'timestamptz'),
        adoption.older_column(relation, 'ip_address', 'inet'), adoption.older_column(relation, 'user_agent', 'text'),
        adoption.older_column(relation, 'revoked', 'boolean'), adoption.older_column(relation, 'revoked_at', 'timestamptz'))
    FROM (VALUES ('sessions', to_regclass('adoption.sessions'), 'id'), ('user_sessions', to_regclass('public.legacy_user_sessions'), 'auth_token'))
         AS t (source, relation, token)
    WHERE relation IS NOT NULL;

    -- A token of two people opens nothing for either.
    SELECT tokens || coalesce(string_agg(format(' UNION ALL SELECT token, user_id FROM (SELECT %s FROM %s) AS o', columns, relation), ''), '')
    INTO tokens FROM adoption.older_sessions;
    EXECUTE format('SELECT coalesce(array_agg(token), ''{}'') FROM (SELECT token FROM (%s) AS t (token, user_id) WHERE adoption.is_token(token)
                    GROUP BY token HAVING min(user_id::text) <> max(user_id::text)) AS s', tokens) INTO shared;

    FOR older IN SELECT * FROM adoption.older_sessions ORDER BY 1 LOOP
        EXECUTE format(
            'INSERT INTO public.sessions (id, user_id, application_context, data, expires_at, created_at, last_activity, ip_address,
                                          user_agent, revoked, revoked_at, absolute_expires_at, session_epoch, auth_method, adopted_from)
             SELECT session_digest(o.token), o.user_id, o.context::application_type, o.data,
                    least(o.expires_at, now() + CASE o.context WHEN ''admin'' THEN interval ''30 minutes'' ELSE interval ''30 days'' END),
                    coalesce(o.created_at, now()), coalesce(o.last_activity, o.created_at, now()), o.ip_address, o.user_agent,
                    o.revoked OR o.revoked_at IS NOT NULL, CASE WHEN o.revoked OR o.revoked_at IS NOT NULL THEN coalesce(o.revoked_at, now()) END,
                    now() + CASE o.context WHEN ''admin'' THEN interval ''12 hours'' ELSE interval ''90 days'' END,
                    users.session_epoch, ''legacy'', %L
             FROM (SELECT %s FROM %s) AS o JOIN users ON users.id = o.user_id
             WHERE adoption.is_token(o.token) AND o.context IN (''web'', ''admin'') AND o.token <> ALL ($1)
             ON CONFLICT (id) DO NOTHING', older.source, older.columns, older.relation) USING shared;
        GET DIAGNOSTICS taken = ROW_COUNT;
        EXECUTE format(
            'SELECT count(*) AS of_all, count(*) FILTER (WHERE NOT adoption.is_token(token)) AS illegal,
                    count(*) FILTER (WHERE token = ANY ($1)) AS shared,
                    count(*) FILTER (WHERE context NOT IN (''web'', ''admin'')) AS elsewhere,
                    count(*) FILTER (WHERE NOT EXISTS (SELECT FROM users WHERE users.id = user_id)) AS nobody
             FROM (SELECT %s FROM %s) AS o', older.columns, older.relation) INTO counted USING shared;
        PERFORM adoption.note(format('%s: %s of %s sessions go on', older.source, taken, counted.of_all)
            || CASE WHEN taken < counted.of_all THEN format('; left out: %s with a token that none can be, %s with a token of two people, '
                   '%s of an unknown application, %s of nobody', counted.illegal, counted.shared, counted.elsewhere, counted.nobody)
               ELSE '' END, taken < counted.of_all);
    END LOOP;
    DROP TABLE adoption.older_sessions;

    -- Where such a token also stands in a legacy column it would still open something; a tombstone keeps it shut.
    INSERT INTO sessions (id, user_id, expires_at, absolute_expires_at, revoked, revoked_at)
    SELECT DISTINCT ON (token) session_digest(token), id, now(), now(), true, now()
    FROM (SELECT auth_token, id FROM users UNION ALL SELECT session_id, id FROM users) AS u (token, id)
    WHERE token = ANY (shared) ORDER BY token, id;
END $$;

-- After the rows: one comparison of two tables instead of a look-up for each.
ALTER TABLE sessions ADD FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;

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
