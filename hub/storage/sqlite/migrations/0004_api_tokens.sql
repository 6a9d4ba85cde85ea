-- Programs that act for a user, and invitations to become one. Secrets as SHA-256 only.
CREATE TABLE api_tokens (
  id           TEXT PRIMARY KEY,
  token_sha256 TEXT NOT NULL UNIQUE,
  user         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name         TEXT NOT NULL,
  scopes       INTEGER NOT NULL CHECK (scopes BETWEEN 1 AND 15),  -- bits of hub::Scope
  created_us   INTEGER NOT NULL,
  expires_us   INTEGER NOT NULL,  -- 0: never
  last_used_us INTEGER NOT NULL
) STRICT;
CREATE INDEX api_tokens_by_user ON api_tokens (user);

CREATE TABLE invitations (
  id           TEXT PRIMARY KEY,
  token_sha256 TEXT NOT NULL UNIQUE,
  role         TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  groups       TEXT NOT NULL CHECK (json_valid(groups)),
  invited_by   TEXT NOT NULL,
  created_us   INTEGER NOT NULL,
  expires_us   INTEGER NOT NULL
) STRICT;
