-- Makes the apps' role. It may log in and nothing else: `migrate` gives it the rights on the tables that the owner makes.
-- By a backtick, since `\getenv` is younger than some clients that run this.
\set app_password `printf %s "$POSTGRES_APP_PASSWORD"`
SELECT 'CREATE ROLE exchanger_app LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'exchanger_app')\gexec
ALTER ROLE exchanger_app PASSWORD :'app_password';
