-- Which strategy the processes are to run, and which each of them runs.

CREATE TABLE migration_strategy (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    strategy varchar(30) NOT NULL CHECK (strategy IN ('mock-only', 'production-only', 'gradual', 'mock-with-write-through')),
    set_at   timestamptz(6) NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE migration_strategy IS 'What `sessionctl strategy set` wants; without a row each process follows its own MIGRATION_STRATEGY';

CREATE TABLE strategy_processes (
    id                  uuid PRIMARY KEY,
    application_context application_type NOT NULL,
    environment         varchar(20) NOT NULL,
    host                varchar(255) NOT NULL,
    pid                 integer NOT NULL,
    configured          varchar(30) NOT NULL,
    running             varchar(30) NOT NULL,
    problem             text,
    seen_at             timestamptz(6) NOT NULL DEFAULT clock_timestamp()
);

COMMENT ON TABLE strategy_processes IS 'What each process says of itself every few seconds; a row is deleted when its process ends in order, or after an hour of silence';

-- On the channel that every process listens to: a switch is heard at once. (It also asks every few seconds.)
CREATE FUNCTION migration_strategy_notify() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM pg_notify('denials', 'strategy');
    RETURN NULL;
END $$;

CREATE TRIGGER migration_strategy_notify AFTER INSERT OR UPDATE OR DELETE ON migration_strategy
    FOR EACH ROW EXECUTE FUNCTION migration_strategy_notify();
ALTER TABLE migration_strategy ENABLE ALWAYS TRIGGER migration_strategy_notify;
