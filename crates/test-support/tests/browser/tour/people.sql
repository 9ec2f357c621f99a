-- A company's people, as they are on some morning: what the tour shows. Those who log in have the password of the tests.

INSERT INTO users (email, hashed_password, is_verified, role, created_at, last_login_at)
SELECT email, '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$iPOQ5f2O21FsjnBvo1AiFcDuSXciCnKUrXFO+yfgNoM', true, role::user_role,
       now() - age, now() - interval '2 minutes'
FROM (VALUES ('olivia.bennett@example.com', 'user', interval '3 minutes'),
             ('many.devices@example.com', 'user', interval '400 days'),
             ('ada.lovelace@example.com', 'admin', interval '700 days')) known (email, role, age);

INSERT INTO users (email, hashed_password, is_verified, role, created_at, last_login_at, phone, telegram_id, blocked_at)
SELECT lower(first) || '.' || lower(last) || '@example.com', 'x', n % 4 <> 0,
       (CASE n % 19 WHEN 7 THEN 'support' WHEN 11 THEN 'operator' ELSE 'user' END)::user_role,
       now() - n * interval '37 hours', CASE WHEN n % 6 <> 0 THEN now() - n * n * interval '11 minutes' END,
       CASE WHEN n % 3 = 0 THEN '+4479460' || lpad((n * 3181)::text, 5, '0') END,
       CASE WHEN n % 5 = 0 THEN 100000000 + n * 7919 END,
       CASE WHEN n % 13 = 4 THEN now() - interval '2 days' END
FROM generate_series(0, 59) n,
LATERAL (SELECT (ARRAY['Amelia', 'Noah', 'Isla', 'George', 'Freya', 'Arthur', 'Zofia', 'Leo', 'Mei', 'Omar', 'Ines', 'Jakub'])[1 + n % 12] AS first,
                (ARRAY['Bennett', 'Okafor', 'Kowalska', 'Lindqvist', 'Moreau', 'Tanaka', 'Schneider', 'Rossi', 'Novak', 'Hughes'])[1 + n / 6] AS last) named
ON CONFLICT DO NOTHING;

INSERT INTO users (email, hashed_password, is_verified, created_at, last_login_at) VALUES
  ('maximiliane.wolfeschlegelsteinhausenbergerdorff-hallenstein@kundenbeziehungen.oberbayern.example.com', 'x', true, now() - interval '1 hour', now() - interval '20 minutes'),
  ('анастасия.преображенская-милославская@почта.example', 'x', false, now() - interval '2 hours', NULL);
INSERT INTO users (phone, created_at, last_login_at) VALUES ('+447946000111', now() - interval '3 hours', now() - interval '3 hours');
INSERT INTO users (telegram_id, created_at, last_login_at) VALUES (712345678, now() - interval '4 hours', now() - interval '4 hours');
INSERT INTO users (email, created_at) VALUES ('nobody.yet@example.com', now() - interval '5 hours');

CREATE TEMPORARY TABLE agents (turn integer, agent text);
INSERT INTO agents VALUES
  (0, 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'),
  (1, 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1'),
  (2, 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36'),
  (3, 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15'),
  (4, 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'),
  (5, 'ReportingService-with-a-name-that-somebody-generated-and-nobody-shortened-afterwards/2026.11.22+build.48151623'),
  (6, NULL);

-- Three more devices of Olivia's, two hundred of one other person, and a few of everybody's.
INSERT INTO sessions (id, user_id, application_context, created_at, last_activity, expires_at, absolute_expires_at,
                      session_epoch, auth_method, ip_address, user_agent)
SELECT substr(translate(encode(sha256((u.id::text || n)::bytea), 'base64'), '+/=', '-_'), 1, 43), u.id,
       (CASE WHEN u.role <> 'user' AND n % 2 = 1 THEN 'admin' ELSE 'web' END)::application_type,
       now() - n * interval '9 hours' - interval '25 minutes', now() - n * n * interval '4 minutes' - interval '3 minutes',
       now() + interval '20 days', now() + interval '80 days', u.session_epoch, 'password',
       CASE WHEN n % 7 <> 6 THEN CASE WHEN n % 5 = 4 THEN '2001:db8:85a3::8a2e:370:7334'::inet ELSE '203.0.113.0'::inet + n % 250 END END,
       agents.agent
FROM users u,
LATERAL generate_series(1, CASE u.email WHEN 'olivia.bennett@example.com' THEN 3 WHEN 'many.devices@example.com' THEN 200
                           WHEN 'nobody.yet@example.com' THEN 0 WHEN 'ada.lovelace@example.com' THEN 0 ELSE 2 END) n
JOIN agents ON agents.turn = n % 7;

-- Two days of logins, with their nights, and what the older software's tokens are still used for.
INSERT INTO audit_log (at, action, application_context, actor_id, subject_id, ip_address, user_agent, detail)
SELECT now() - hour * interval '1 hour' - least(n, 59) * interval '50 seconds', 'session_created',
       CASE WHEN n % 9 = 0 THEN 'admin' ELSE 'web' END::application_type, u.id, u.id, '203.0.113.20',
       'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', '{"method": "password"}'
FROM (SELECT id FROM users WHERE email = 'olivia.bennett@example.com') u, generate_series(1, 47) hour,
LATERAL generate_series(1, greatest(1, (28 + 25 * sin((extract(hour FROM now() - hour * interval '1 hour') - 8) / 24 * 6.283))::integer)) n;

INSERT INTO legacy_uses (day, source, uses)
SELECT (now() AT TIME ZONE 'UTC')::date - day, source, of * day * day / 4 + day * of
FROM generate_series(1, 13) day, (VALUES ('redis', 3), ('users.auth_token', 7)) found (source, of);

INSERT INTO user_permissions (user_id, permission, application_context, granted_by, granted_at, expires_at)
SELECT u.id, given.permission, given.context::application_type, a.id, now() - interval '9 days', given.until
FROM users u, users a, (VALUES ('reports.read', 'web', NULL), ('invoices.export', 'web', now() - interval '1 day'),
                               ('customers.merge.duplicates.across.all.regions', 'admin', now() + interval '30 days'))
              given (permission, context, until)
WHERE u.email = 'olivia.bennett@example.com' AND a.email = 'ada.lovelace@example.com';
