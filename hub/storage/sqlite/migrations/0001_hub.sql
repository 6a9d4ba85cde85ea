-- The registry file's first shape: devices, series, credentials, executions, alerts, events.
-- Times are µs since the Unix epoch, UTC. Enumerations hold the numbers of the headers in hub/storage.

CREATE TABLE facts (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A removed device keeps its row as a tombstone: its id is never given again, its name is free.
CREATE TABLE devices (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  created_us   INTEGER NOT NULL,
  last_seen_us INTEGER NOT NULL DEFAULT 0,
  removed_us   INTEGER,
  tags         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(tags)),        -- said by the operator
  attributes   TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(attributes)),  -- said by the device
  commands     TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(commands))
) STRICT;
CREATE UNIQUE INDEX devices_by_name ON devices (name) WHERE removed_us IS NULL;

-- AUTOINCREMENT: a series' number is never given again, whatever is deleted.
CREATE TABLE series (
  id          INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
  device      TEXT NOT NULL,
  name        TEXT NOT NULL,
  unit        TEXT NOT NULL,
  type        INTEGER NOT NULL CHECK (type BETWEEN 1 AND 4),
  interval_ms INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  UNIQUE (device, name, revision)
) STRICT;

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  role          TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  created_us    INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
  token_sha256 TEXT PRIMARY KEY,
  user         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_us   INTEGER NOT NULL,
  expires_us   INTEGER NOT NULL,
  last_used_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user);
CREATE INDEX sessions_by_expiry ON sessions (expires_us);

-- Expired and used-up ones stay a while, so that their holder is told so instead of "unknown".
CREATE TABLE enrolments (
  id           TEXT PRIMARY KEY,
  token_sha256 TEXT NOT NULL UNIQUE,
  device_name  TEXT NOT NULL,
  tags         TEXT NOT NULL CHECK (json_valid(tags)),
  created_us   INTEGER NOT NULL,
  expires_us   INTEGER NOT NULL,
  uses_left    INTEGER NOT NULL CHECK (uses_left >= 0)
) STRICT;
CREATE INDEX enrolments_by_expiry ON enrolments (expires_us);

CREATE TABLE device_tokens (
  token_sha256 TEXT PRIMARY KEY,
  device       TEXT NOT NULL REFERENCES devices (id),
  created_us   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_tokens_by_device ON device_tokens (device);

CREATE TABLE events (
  id        INTEGER PRIMARY KEY AUTOINCREMENT,
  time_us   INTEGER NOT NULL,
  device    TEXT NOT NULL,
  kind      TEXT NOT NULL,
  object_id TEXT NOT NULL,
  body      TEXT NOT NULL
) STRICT;

CREATE TABLE executions (
  sequence         INTEGER PRIMARY KEY,  -- order of creation
  id               TEXT NOT NULL UNIQUE,
  device           TEXT NOT NULL,
  command          TEXT NOT NULL,
  arguments        TEXT NOT NULL,
  requested_by     TEXT NOT NULL,
  idempotency_key  TEXT NOT NULL,
  state            INTEGER NOT NULL CHECK (state BETWEEN 1 AND 10),
  created_us       INTEGER NOT NULL,
  updated_us       INTEGER NOT NULL,
  not_after_us     INTEGER NOT NULL,
  timeout_ms       INTEGER NOT NULL,
  progress_percent INTEGER NOT NULL,
  device_revision  INTEGER NOT NULL,
  output           TEXT NOT NULL,
  error            TEXT NOT NULL,
  result           TEXT NOT NULL,
  exit_code        INTEGER
) STRICT;
CREATE UNIQUE INDEX executions_by_key ON executions (device, idempotency_key) WHERE idempotency_key <> '';
CREATE INDEX executions_by_device ON executions (device, sequence);
CREATE INDEX executions_open ON executions (sequence) WHERE state < 5 OR state = 10;

CREATE TABLE alert_rules (
  id             TEXT PRIMARY KEY,
  name           TEXT NOT NULL UNIQUE,
  severity       TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  series_pattern TEXT NOT NULL,
  devices        TEXT NOT NULL CHECK (json_valid(devices)),
  comparison     INTEGER NOT NULL CHECK (comparison IN (1, 2)),
  threshold      REAL NOT NULL,
  clear_level    REAL NOT NULL,
  for_us         INTEGER NOT NULL,
  created_us     INTEGER NOT NULL,
  updated_us     INTEGER NOT NULL,
  version        INTEGER NOT NULL
) STRICT;

CREATE TABLE alert_evaluations (
  rule         TEXT NOT NULL,
  series       INTEGER NOT NULL,
  state        INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),
  since_us     INTEGER NOT NULL,
  last_time_us INTEGER NOT NULL,
  last_value   REAL,  -- SQLite has no NaN
  alert        TEXT NOT NULL,
  PRIMARY KEY (rule, series)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_evaluations_by_series ON alert_evaluations (series);

-- How far the alert engine has read the journal; moves in the transaction of the evaluations it led to.
CREATE TABLE alert_cursor (
  only_row      INTEGER PRIMARY KEY CHECK (only_row = 1),
  commit_number INTEGER NOT NULL
) STRICT;
INSERT INTO alert_cursor VALUES (1, 0);

CREATE TABLE alerts (
  sequence        INTEGER PRIMARY KEY,  -- order of firing
  id              TEXT NOT NULL UNIQUE,
  rule            TEXT NOT NULL,
  rule_name       TEXT NOT NULL,
  severity        TEXT NOT NULL,
  device          TEXT NOT NULL,
  series          INTEGER NOT NULL,
  series_name     TEXT NOT NULL,
  state           INTEGER NOT NULL CHECK (state IN (1, 2)),
  started_us      INTEGER NOT NULL,
  fired_us        INTEGER NOT NULL,
  resolved_us     INTEGER NOT NULL,
  value           REAL,
  acknowledged_by TEXT NOT NULL,
  note            TEXT NOT NULL,
  acknowledged_us INTEGER NOT NULL,
  device_action   TEXT NOT NULL,
  device_error    TEXT NOT NULL,
  revision        INTEGER NOT NULL
) STRICT;
CREATE INDEX alerts_by_state ON alerts (state, sequence);
