-- Certificates of devices: the one in use and, while it is being replaced, the next one. Keys never leave the devices.
CREATE TABLE device_certificates (
  serial        TEXT PRIMARY KEY,  -- hex
  device        TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
  not_before_us INTEGER NOT NULL,
  not_after_us  INTEGER NOT NULL,
  created_us    INTEGER NOT NULL,
  used_us       INTEGER NOT NULL,  -- first use; 0: not yet
  revoked_us    INTEGER NOT NULL,  -- 0: not
  token_sha256  TEXT NOT NULL      -- the bearer token that the first use retires; empty: none
) STRICT;
CREATE INDEX device_certificates_by_device ON device_certificates (device);

-- Whether a device of this enrolment keeps its bearer token beside its certificate.
ALTER TABLE enrolments ADD COLUMN keep_token INTEGER NOT NULL DEFAULT 0 CHECK (keep_token IN (0, 1));
