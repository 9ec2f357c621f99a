-- Makes the databases that are missing, and lets both roles in. By default only exchanger_db is used; the other two
-- stand empty until DATABASE_IDENTITY_URL and DATABASE_WEB_URL name them.
SELECT format('CREATE DATABASE %I', name)
  FROM (VALUES ('exchanger_db'), ('exchanger_identity'), ('exchanger_web')) AS wanted (name)
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)\gexec
SELECT format('GRANT ALL PRIVILEGES ON DATABASE %I TO %I', datname, current_user),
       format('GRANT CONNECT ON DATABASE %I TO exchanger_app', datname)
  FROM pg_database WHERE datname IN ('exchanger_db', 'exchanger_identity', 'exchanger_web')\gexec
