-- What no code path may break, and what every process must hear of.
--
-- Every trigger is ENABLE ALWAYS: a restore or a replication worker must not slip past. The functions keep
-- the search path of this migration, because such workers run with an empty one.

-- Revocation is final, and whose session it is never changes. ------------------------------------------

CREATE FUNCTION sessions_guard() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.user_id, NEW.application_context)
           IS DISTINCT FROM (OLD.id, OLD.user_id, OLD.application_context) THEN
            RAISE EXCEPTION 'id, user and context of a session never change'
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        IF OLD.revoked THEN
            IF NOT NEW.revoked OR NEW.revoked_at IS NULL THEN
                RAISE EXCEPTION 'a revocation is final' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            -- The first end stands.
            NEW.revoked_at := OLD.revoked_at;
            RETURN NEW;
        END IF;
    END IF;
    IF NEW.revoked OR NEW.revoked_at IS NOT NULL THEN
        NEW.revoked := true;
        NEW.revoked_at := coalesce(NEW.revoked_at, clock_timestamp());
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sessions_guard BEFORE INSERT OR UPDATE ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_guard();
ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_guard;

-- A row whose digest still stands in a legacy column is a tombstone that is needed: without it the older
-- token would look like one that was never known. Gone with its user it may be; that is how a cascade
-- is told, since by then the user's row is no longer there.
CREATE FUNCTION sessions_keep_tombstone() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE id = OLD.user_id)
       AND (EXISTS (SELECT FROM users WHERE session_digest(auth_token) = OLD.id)
            OR EXISTS (SELECT FROM users WHERE session_digest(session_id) = OLD.id)) THEN
        RAISE EXCEPTION 'session % is still named by a legacy column of users', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER sessions_keep_tombstone BEFORE DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_keep_tombstone();
ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_keep_tombstone;

-- Counters only rise, and every change that a session decision depends on raises the version. ----------

CREATE FUNCTION users_guard() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    changed boolean := (NEW.email, NEW.phone, NEW.telegram_id, NEW.hashed_password, NEW.is_verified, NEW.role,
                        NEW.blocked_at, NEW.session_epoch, NEW.credential_version, NEW.sessions_valid_after)
        IS DISTINCT FROM (OLD.email, OLD.phone, OLD.telegram_id, OLD.hashed_password, OLD.is_verified, OLD.role,
                          OLD.blocked_at, OLD.session_epoch, OLD.credential_version, OLD.sessions_valid_after);
BEGIN
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'the id of a user never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.session_epoch < OLD.session_epoch OR NEW.credential_version < OLD.credential_version THEN
        RAISE EXCEPTION 'session_epoch and credential_version only rise'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    NEW.version := greatest(NEW.version, OLD.version + changed::integer);
    RETURN NEW;
END $$;

CREATE TRIGGER users_guard BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION users_guard();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_guard;

CREATE FUNCTION user_permissions_raise_version() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE users SET version = version + 1 WHERE id = OLD.user_id;
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND NEW.user_id <> OLD.user_id) THEN
        UPDATE users SET version = version + 1 WHERE id = NEW.user_id;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER user_permissions_raise_version AFTER INSERT OR UPDATE OR DELETE ON user_permissions
    FOR EACH ROW EXECUTE FUNCTION user_permissions_raise_version();
ALTER TABLE user_permissions ENABLE ALWAYS TRIGGER user_permissions_raise_version;

-- Denials: what a process that remembers a yes must hear of at commit. ---------------------------------

CREATE FUNCTION sessions_notify_denial() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.revoked AND NOT OLD.revoked)
           OR NEW.expires_at < OLD.expires_at
           OR NEW.absolute_expires_at < OLD.absolute_expires_at
           OR NEW.session_epoch < OLD.session_epoch THEN
            PERFORM pg_notify('denials', 's:' || OLD.id);
        END IF;
    ELSIF NOT OLD.revoked AND least(OLD.expires_at, OLD.absolute_expires_at) > clock_timestamp() THEN
        PERFORM pg_notify('denials', 's:' || OLD.id);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER sessions_notify_denial AFTER UPDATE OR DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_notify_denial();
ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_notify_denial;

CREATE FUNCTION users_notify_denial() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NEW.version > OLD.version THEN
        PERFORM pg_notify('denials', 'u:' || NEW.id || ':' || NEW.version);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER users_notify_denial AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION users_notify_denial();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_notify_denial;

CREATE FUNCTION notify_all_denied() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('denials', 'all');
    RETURN NULL;
END $$;

CREATE TRIGGER sessions_notify_truncate AFTER TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION notify_all_denied();
ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_notify_truncate;

CREATE TRIGGER users_notify_truncate AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION notify_all_denied();
ALTER TABLE users ENABLE ALWAYS TRIGGER users_notify_truncate;

CREATE TRIGGER user_permissions_notify_truncate AFTER TRUNCATE ON user_permissions
    FOR EACH STATEMENT EXECUTE FUNCTION notify_all_denied();
ALTER TABLE user_permissions ENABLE ALWAYS TRIGGER user_permissions_notify_truncate;
