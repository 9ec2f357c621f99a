-- What the web application shows of a person, copied from the identity database, which alone decides. Every row can be
-- made again from there.
CREATE TABLE web_user_cache (
    user_id uuid PRIMARY KEY,
    data jsonb NOT NULL,
    updated_at timestamptz(6) NOT NULL DEFAULT now()
);

COMMENT ON COLUMN web_user_cache.data IS
    'Public data of a person, with "version": what was read earlier never replaces what was read later.';
