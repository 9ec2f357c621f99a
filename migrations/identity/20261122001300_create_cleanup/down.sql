DO $$
BEGIN
    IF EXISTS (SELECT FROM cleanup) THEN
        PERFORM adoption.refuse('the clean-up was applied: what kept older tokens shut may be gone since, and only a backup leads back');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION sessions_keep_imported() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.adopted_from IS NOT NULL
       AND EXISTS (SELECT FROM users WHERE id = OLD.user_id AND legacy_id IS NOT NULL) THEN
        RAISE EXCEPTION 'session % may be brought back by a further import', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION sessions_keep_tombstone() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE id = OLD.user_id)
       AND (OLD.adopted_from IS NOT DISTINCT FROM 'redis'
            OR EXISTS (SELECT FROM users WHERE session_digest(auth_token) = OLD.id)
            OR EXISTS (SELECT FROM users WHERE session_digest(session_id) = OLD.id)) THEN
        RAISE EXCEPTION 'session % may still be brought back by what the older software left', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

DROP TRIGGER sessions_refuse_adoption ON sessions;
DROP FUNCTION sessions_refuse_adoption();
DROP TABLE backups;
DROP TABLE cleanup_points;
DROP TABLE cleanup;
DROP FUNCTION cleanup_is_final();
