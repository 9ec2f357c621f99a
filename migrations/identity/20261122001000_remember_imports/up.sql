-- What an import of the older software's file has already brought, so that a later copy of the file brings what is new
-- and nothing else.

CREATE TABLE legacy_imports (
    legacy_id        bigint PRIMARY KEY,
    fingerprint      varchar(43) NOT NULL,
    seen_token_id    varchar(43),
    written_token_id varchar(43),
    imported_at      timestamptz(6) NOT NULL DEFAULT now()
);

COMMENT ON TABLE legacy_imports IS 'One row a person of an imported file. It outlives the person: who was deleted here is not brought back';
COMMENT ON COLUMN legacy_imports.fingerprint IS 'SHA-256 of the person''s row in the file: the same one again changes nothing';
COMMENT ON COLUMN legacy_imports.seen_token_id IS 'Digest of the newest auth_token that the file had';
COMMENT ON COLUMN legacy_imports.written_token_id IS 'Digest of the auth_token that an import wrote: while users.auth_token is that one, nobody has changed it here';

-- The file can be imported again at any time, so what keeps it from bringing an ended session back must stay.
CREATE FUNCTION sessions_keep_imported() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD.adopted_from IS NOT NULL
       AND EXISTS (SELECT FROM users WHERE id = OLD.user_id AND legacy_id IS NOT NULL) THEN
        RAISE EXCEPTION 'session % may be brought back by a further import', OLD.id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER sessions_keep_imported BEFORE DELETE ON sessions
    FOR EACH ROW EXECUTE FUNCTION sessions_keep_imported();
ALTER TABLE sessions ENABLE ALWAYS TRIGGER sessions_keep_imported;
