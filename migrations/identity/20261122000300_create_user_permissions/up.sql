-- What a person may do in one application beyond what their role brings.

CREATE TABLE user_permissions (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id             uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    permission          varchar(100) NOT NULL,
    application_context application_type NOT NULL DEFAULT 'web',
    granted_at          timestamptz(6) NOT NULL DEFAULT now(),
    granted_by          uuid,
    expires_at          timestamptz(6),
    UNIQUE (user_id, permission, application_context)
);

CREATE INDEX user_permissions_application_context_user_id_idx ON user_permissions (application_context, user_id);
CREATE INDEX user_permissions_permission_idx ON user_permissions (permission);
