#include "hub/settings.h"

#include <charconv>

namespace hub {

std::span<const SettingKey> setting_keys() {
  using S = Settings;
  static const SettingKey kKeys[] = {
      {"port", &S::port, 0, 65'535, {}, "port of HTTPS, dashboard, devices and viewers; 0: any free one"},
      {"bind", &S::bind, 0, 0, {}, "address to listen on; :: is every address of both families"},
      {"public_host",
       &S::public_host,
       0,
       0,
       {},
       "name or address under which others reach the hub: in URLs and in its certificate"},
      {"data_dir", &S::data_dir, 0, 0, {}, "where everything is kept"},
      {"agent_packages", &S::agent_packages, 0, 0, {}, "folder of the agent's packages, for /install"},
      {"web_root", &S::web_root, 0, 0, {}, "serve the dashboard from this folder instead of the embedded one"},
      {"threads", &S::threads, 0, 64, {}, "I/O threads; 0: one for each usable processor, at most 8"},
      {"log.level", &S::log_level, 0, 0, "debug, info, warning, error", "what is logged, and everything graver"},
      {"log.format", &S::log_format, 0, 0, "text, json", "lines for people or for machines, on stderr"},
      {"storage.tail_max_mb",
       &S::storage_tail_max_mb,
       16,
       65'536,
       {},
       "unsealed readings in memory; sealing starts early past it"},
      {"storage.pending_max_mb",
       &S::storage_pending_max_mb,
       1,
       4'096,
       {},
       "frames that wait for their commit; past it devices are told busy"},
      {"storage.commit_window_ms",
       &S::storage_commit_window_ms,
       0,
       1'000,
       {},
       "how long a commit may wait for company"},
      {"storage.seal_interval_s",
       &S::storage_seal_interval_s,
       10,
       3'600,
       {},
       "how often readings are sealed into chunks"},
      {"storage.retained_journal_mb",
       &S::storage_retained_journal_mb,
       16,
       65'536,
       {},
       "sealed journal kept for viewers that resume"},
      {"storage.retained_journal_minutes", &S::storage_retained_journal_minutes, 1, 1'440, {}, "the same, by age"},
      {"storage.low_water_mb",
       &S::storage_low_water_mb,
       0,
       1'048'576,
       {},
       "free disk space at which ingest stops; 0: the smaller of 512 MB and 5 %"},
      {"storage.readers", &S::storage_readers, 1, 64, {}, "threads that answer history queries"},
      {"storage.retention_days",
       &S::storage_retention_days,
       0,
       36'500,
       {},
       "readings older than this are dropped, day by day; 0: never"},
      {"storage.retention_gb",
       &S::storage_retention_gb,
       0,
       1'048'576,
       {},
       "past this size of past days the oldest are dropped; 0: no bound"},
      {"storage.summary_days",
       &S::storage_summary_days,
       0,
       36'500,
       {},
       "hourly minimum, maximum, mean and count are kept so long; 0: for ever"},
      {"ingest.message_max_kb", &S::ingest_message_max_kb, 16, 16'384, {}, "largest message of a device"},
      {"ingest.budget_mb", &S::ingest_budget_mb, 1, 65'536, {}, "unacknowledged frames of all devices together"},
      {"ingest.device_messages_per_s",
       &S::ingest_device_messages_per_s,
       1,
       1'000'000,
       {},
       "messages of one device, on average over ten seconds; past it its socket is read no faster"},
      {"ingest.device_kb_per_s", &S::ingest_device_kb_per_s, 1, 10'000'000, {}, "bytes of one device, likewise"},
      {"devices.start_grace_s",
       &S::devices_start_grace_s,
       1,
       3'600,
       {},
       "after a start a device that has not come back is unknown for so long, then offline"},
      {"live.viewers", &S::live_viewers, 1, 1'000'000, {}, "live streams on one I/O thread"},
      {"live.budget_mb",
       &S::live_budget_mb,
       1,
       65'536,
       {},
       "unsent to all viewers together; as it fills, less may wait for each"},
      {"live.tick_ms", &S::live_tick_ms, 0, 100, {}, "how often live updates leave"},
      {"web.connections",
       &S::web_connections,
       16,
       1'000'000,
       {},
       "connections on one I/O thread; past it new ones are closed"},
      {"web.address_connections",
       &S::web_address_connections,
       1,
       1'000'000,
       {},
       "connections of one address on one I/O thread; past it new ones are closed"},
      {"web.handshakes",
       &S::web_handshakes,
       1,
       10'000,
       {},
       "TLS handshakes at a time on one I/O thread; past it the address with most loses its oldest"},
      {"web.address_handshakes_per_s",
       &S::web_address_handshakes_per_s,
       1,
       100'000,
       {},
       "new connections of one address on one I/O thread, on average over ten seconds; past it they are closed"},
      {"tls.certificate_file",
       &S::tls_certificate_file,
       0,
       0,
       {},
       "the operator's certificate with its chain, in PEM, shown to browsers and programs; read again when it changes"},
      {"tls.key_file", &S::tls_key_file, 0, 0, {}, "its private key, in PEM, without a passphrase"},
      {"tls.device_certificate_days",
       &S::tls_device_certificate_days,
       1,
       3'650,
       {},
       "how long a device's certificate is valid; it is renewed when a third is left"},
  };
  return kKeys;
}

const SettingKey* find_setting(std::string_view name) {
  for (const auto& key : setting_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string allowed(const SettingKey& key) {
  if (key.is_number()) return "a whole number from " + std::to_string(key.least) + " to " + std::to_string(key.most);
  if (!key.choices.empty()) return "one of " + std::string(key.choices);
  return "a text";
}

std::optional<std::string> set(Settings& settings, const SettingKey& key, std::int64_t value) {
  if (!key.is_number()) return "must be " + allowed(key);
  if (value < key.least || value > key.most) return std::to_string(value) + " is out of range; must be " + allowed(key);
  settings.*std::get<0>(key.field) = value;
  return std::nullopt;
}

std::optional<std::string> set(GroupRetention& group, std::string_view name, std::int64_t value) {
  static const std::map<std::string_view, std::optional<std::int64_t> GroupRetention::*> kFields = {
      {"retention_days", &GroupRetention::days},
      {"retention_gb", &GroupRetention::gb},
      {"summary_days", &GroupRetention::summary_days},
  };
  const auto field = kFields.find(name);
  const SettingKey* common = find_setting("storage." + std::string(name));
  if (field == kFields.end() || common == nullptr)
    return "unknown key; allowed for a group: retention_days, retention_gb, summary_days";
  Settings scratch;
  if (auto wrong = set(scratch, *common, value)) return wrong;
  group.*field->second = value;
  return std::nullopt;
}

std::optional<std::string> set(Settings& settings, const SettingKey& key, const std::string& value) {
  if (key.is_number()) {
    std::int64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [stop, ec] = std::from_chars(value.data(), end, number);
    if (ec != std::errc() || stop != end) return "\"" + value + "\" is no number; must be " + allowed(key);
    return set(settings, key, number);
  }
  if (!key.choices.empty()) {
    const std::string list = ", " + std::string(key.choices) + ",";
    if (value.empty() || value.find(',') != std::string::npos || list.find(", " + value + ",") == std::string::npos) {
      return "\"" + value + "\" is not known; must be " + allowed(key);
    }
  }
  settings.*std::get<1>(key.field) = value;
  return std::nullopt;
}

}  // namespace hub
