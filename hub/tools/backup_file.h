// The file that a backup is: a tar of the folder's files with a manifest of their checksums at its end. Its format is
// in docs/storage-format.md.
#pragma once

#include <sodium.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "hub/tools/backup.h"

namespace hub::tools {

inline constexpr char kManifest[] = "manifest.json";

/// SHA-256, piece by piece.
class Hash {
 public:
  Hash() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view bytes) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  std::string hex();  // ends it

 private:
  crypto_hash_sha256_state state_;
};

struct Content {
  std::uint64_t size = 0;
  std::string sha256;
  bool operator==(const Content&) const = default;
};
using Contents = std::map<std::string, Content>;

std::string manifest_text(const BackupReport& report, const Contents& contents);

/// Takes an entry's bytes piece by piece, and an empty piece at its end.
using EntryUse = std::function<std::optional<Problem>(std::string_view)>;
/// Reads a backup to its end, each entry's bytes given to what `begin(name)` answers, and compares with its manifest.
/// Names lead into the folder or one of its own, never out of it.
Outcome<BackupReport> read_backup(const std::string& file,
                                  const std::function<Outcome<EntryUse>(const std::string&)>& begin,
                                  const BackupProgress& progress);

}  // namespace hub::tools
