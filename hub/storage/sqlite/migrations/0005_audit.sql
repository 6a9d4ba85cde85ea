-- Who did what. Rows are only ever added at the end and, past a million, removed at the begin; each hash covers the one
-- before (hub/storage/audit_store.h), and where the chain begins and ends stands in facts: audit_begin, audit_head.
CREATE TABLE audit (
  sequence   INTEGER PRIMARY KEY,
  time_us    INTEGER NOT NULL,
  actor      TEXT NOT NULL,
  credential TEXT NOT NULL,
  address    TEXT NOT NULL,
  action     TEXT NOT NULL,
  object     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  status     INTEGER NOT NULL,
  of_entry   INTEGER NOT NULL,
  hash       TEXT NOT NULL
) STRICT;
