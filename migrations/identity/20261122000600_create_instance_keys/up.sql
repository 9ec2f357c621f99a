-- The installation's root keys: what signs cached sessions is derived from the newest, the last two verify.
-- The program `migrate` makes the first one.

CREATE TABLE instance_keys (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key        bytea NOT NULL CHECK (octet_length(key) = 32),
    created_at timestamptz(6) NOT NULL DEFAULT now()
);
