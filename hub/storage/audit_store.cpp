#include "hub/storage/audit_store.h"

#include <sodium.h>

#include <array>

#include "base/bytes.h"

namespace hub {

std::string audit_hash(const std::string& previous, const AuditEntry& entry) {
  // Each field with its length, so that no two entries have the same text.
  std::string text;
  const auto add = [&text](const std::string& field) {
    text += std::to_string(field.size());
    text += ':';
    text += field;
  };
  add(previous);
  add(std::to_string(entry.sequence));
  add(std::to_string(entry.time_us));
  for (const auto* field :
       {&entry.actor, &entry.credential, &entry.address, &entry.action, &entry.object, &entry.detail}) {
    add(*field);
  }
  add(std::to_string(entry.status));
  add(std::to_string(entry.of));
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(text.data()), text.size());
  return base::to_hex(base::as_chars(hash));
}

}  // namespace hub
