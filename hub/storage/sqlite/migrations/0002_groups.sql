-- Groups of devices: those whose operator's tags contain all of the group's.
CREATE TABLE device_groups (
  name       TEXT PRIMARY KEY,
  tags       TEXT NOT NULL CHECK (json_valid(tags)),
  created_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
