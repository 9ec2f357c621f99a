CREATE OR REPLACE FUNCTION sessions_keep_tombstone() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT FROM users WHERE id = OLD.user_id)
       AND (EXISTS (SELECT FROM users WHERE session_digest(auth_token) = OLD.id)
            OR EXISTS (SELECT FROM users WHERE session_digest(session_id) = OLD.id)) THEN
        RAISE EXCEPTION 'session % is still named by a legacy column of users', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

DROP TABLE legacy_uses;
SELECT adoption.undo('20261122000800');
