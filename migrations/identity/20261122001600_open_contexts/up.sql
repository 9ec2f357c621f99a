-- A further application context: opened by one line, and closed again by one line.
--
-- Postgres takes no word out of an enum. A new type in its place would mean to write every table anew under a lock, and
-- programs that run would still know the old one. So a context that is closed leaves its word in the type, no row that has
-- it, and a check on every table that lets none come: a program that still runs cannot open a session in it.

-- The word cannot be used before this transaction is over.
CREATE FUNCTION open_application_context(context text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    closed record;
BEGIN
    EXECUTE format('ALTER TYPE application_type ADD VALUE IF NOT EXISTS %L', context);
    FOR closed IN
        SELECT conrelid::regclass AS of, conname FROM pg_constraint
        WHERE contype = 'c' AND obj_description(oid, 'pg_constraint') = 'closed: ' || context
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', closed.of, closed.conname);
    END LOOP;
END $$;

CREATE FUNCTION close_application_context(context text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    place record;
BEGIN
    IF context IN ('web', 'admin') THEN
        RAISE EXCEPTION 'the context % was not opened by a migration of its own', context;
    END IF;
    -- What is long comes first, while others still read and write.
    PERFORM forget_application_context(context);
    FOR place IN
        SELECT table_name AS of, column_name AS name FROM information_schema.columns
        WHERE table_schema = current_schema() AND udt_schema = table_schema AND udt_name = 'application_type'
          AND EXISTS (SELECT FROM pg_tables WHERE schemaname = table_schema AND tablename = table_name)
        ORDER BY 1
    LOOP
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%I <> %L) NOT VALID', place.of,
                       place.of || '_' || context || '_closed', place.name, context);
        EXECUTE format('COMMENT ON CONSTRAINT %I ON %I IS %L', place.of || '_' || context || '_closed', place.of,
                       'closed: ' || context);
    END LOOP;
    -- What came in between.
    PERFORM forget_application_context(context);
END $$;

-- Rows of a context are from after it was opened: they go, but for what must not be forgotten.
CREATE FUNCTION forget_application_context(context text) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    -- Ended first: whoever holds one of them in a cache hears of it.
    UPDATE sessions SET revoked = true WHERE application_context::text = context AND NOT revoked;
    DELETE FROM sessions WHERE application_context::text = context
        AND NOT EXISTS (SELECT FROM users WHERE session_digest(auth_token) = sessions.id)
        AND NOT EXISTS (SELECT FROM users WHERE session_digest(session_id) = sessions.id);
    -- A tombstone that keeps shut what stands in a legacy column goes on doing so in web, where such columns count.
    IF EXISTS (SELECT FROM sessions WHERE application_context::text = context) THEN
        ALTER TABLE sessions DISABLE TRIGGER sessions_guard;
        UPDATE sessions SET application_context = 'web' WHERE application_context::text = context;
        ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_guard;
    END IF;
    DELETE FROM user_permissions WHERE application_context::text = context;
    DELETE FROM strategy_processes WHERE application_context::text = context;
    -- No line of the audit log goes, nor where it came from.
    UPDATE audit_log SET application_context = NULL, detail = coalesce(detail, '{}') || jsonb_build_object('closed_context', context)
    WHERE application_context::text = context;
END $$;

REVOKE EXECUTE ON FUNCTION open_application_context(text), close_application_context(text), forget_application_context(text)
    FROM PUBLIC;
