#include "hub/hub_files.h"

#include "base/bytes.h"
#include "hub/data_folder.h"
#include "hub/storage/sqlite/reserve_file.h"

namespace hub {

Outcome<std::unique_ptr<sqlite::HubDatabase>> open_hub_database(const std::string& folder) {
  const std::string path = DataFolder::hub_db(folder);
  (void)sqlite::give_up_reserve_if_full(sqlite::DataFolder(folder));
  auto db = sqlite::HubDatabase::open(path);
  if (db) return std::move(*db);
  const errc code = to_errc(db.error());
  switch (code) {
    case errc::unsupported_version:
      return Problem{code, path + " was written by a newer telemetry-hub; run that version, or restore a backup", ""};
    case errc::storage_damaged:
      return Problem{code, path + " is damaged or no hub.db; restore a backup, or hub.db.before-* of an upgrade", ""};
    case errc::unavailable:
      return Problem{code, path + ": the disk is full", ""};
    default:
      return Problem{code, path + " cannot be opened: " + db.error().message() + "; check its owner and permissions",
                     ""};
  }
}

Outcome<std::string> hub_id(sqlite::HubDatabase& db, base::Random& random) {
  const auto known = db.fact("hub_id");
  if (known && *known) return **known;
  const auto bytes = random.next_id();
  const std::string id = base::to_hex(base::as_chars(bytes).substr(0, 8));
  if (!known) return Problem{to_errc(known.error()), "hub.db: table facts cannot be read", ""};
  if (auto stored = db.set_fact("hub_id", id); !stored) {
    return Problem{to_errc(stored.error()), "hub.db: the hub's id cannot be stored", ""};
  }
  return id;
}

}  // namespace hub
