-- What a person may do in one application beyond what their role brings.

CREATE TABLE adoption.user_permissions (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id             uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission          varchar(100) NOT NULL,
    application_context application_type NOT NULL DEFAULT 'web',
    granted_at          timestamptz(6) NOT NULL DEFAULT now(),
    granted_by          uuid,
    expires_at          timestamptz(6),
    UNIQUE (user_id, permission, application_context)
);

CREATE INDEX user_permissions_application_context_user_id_idx ON adoption.user_permissions (application_context, user_id);
CREATE INDEX user_permissions_permission_idx ON adoption.user_permissions (permission);

-- An unknown application is an error: a right must not move to another one.
CREATE FUNCTION adoption.context_of(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT lower(btrim(value))
$$;

SELECT adoption.settle('20261122000300', 'user_permissions', '{"application_context": "adoption.context_of"}');

-- For the same reason, a right in an application that the older type does not know does not outlive that application.
INSERT INTO adoption.change (migration, what, undo)
SELECT '20261122000300', 'rights in applications that the older software does not know',
       'DELETE FROM public.user_permissions WHERE lower(application_context::text) NOT IN (
            SELECT lower(enumlabel) FROM pg_enum WHERE enumtypid = ''adoption.application_type''::regtype)'
WHERE to_regtype('adoption.application_type') IS NOT NULL
  AND EXISTS (SELECT FROM adoption.found_relation WHERE name = 'user_permissions');
