DROP TABLE strategy_processes;
DROP TABLE migration_strategy;
DROP FUNCTION migration_strategy_notify();
