// What can be configured, with its default and its limits. One table feeds file, environment, flags and documentation.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace hub {

/// What one group of devices has its own of; nothing: as the others.
struct GroupRetention {
  std::optional<std::int64_t> days, gb, summary_days;
};

struct Settings {
  std::int64_t port = 8443;
  std::string bind = "::";
  std::string public_host;
  std::string data_dir = "data";
  std::string web_root;
  std::string agent_packages;
  std::int64_t threads = 0;  // 0: one a core, at most 8

  std::string log_level = "info";
  std::string log_format = "text";

  std::int64_t storage_tail_max_mb = 256;
  std::int64_t storage_pending_max_mb = 64;
  std::int64_t storage_commit_window_ms = 2;
  std::int64_t storage_seal_interval_s = 600;
  std::int64_t storage_retained_journal_mb = 256;
  std::int64_t storage_retained_journal_minutes = 15;
  std::int64_t storage_low_water_mb = 0;
  std::int64_t storage_readers = 2;
  std::int64_t storage_retention_days = 30;
  std::int64_t storage_retention_gb = 0;
  std::int64_t storage_summary_days = 1'826;             // five years
  std::map<std::string, GroupRetention> storage_groups;  // [storage.group.NAME], at most kMaxRetentionGroups

  std::int64_t ingest_message_max_kb = 64;
  std::int64_t ingest_budget_mb = 64;
  std::int64_t ingest_device_messages_per_s = 1'000;
  std::int64_t ingest_device_kb_per_s = 4'096;

  std::int64_t devices_start_grace_s = 90;

  std::int64_t live_viewers = 5'000;
  std::int64_t live_budget_mb = 64;
  std::int64_t live_tick_ms = 20;

  std::int64_t web_connections = 20'000;
  std::int64_t web_address_connections = 10'000;
  std::int64_t web_handshakes = 128;
  std::int64_t web_address_handshakes_per_s = 500;

  std::int64_t tls_device_certificate_days = 365;
  std::string tls_certificate_file, tls_key_file;  // both or neither
};

struct SettingKey {
  std::string_view name;  // "storage.tail_max_mb"; in a file: tail_max_mb under [storage]
  std::variant<std::int64_t Settings::*, std::string Settings::*> field;
  std::int64_t least = 0, most = 0;  // numbers
  std::string_view choices;          // texts: "text, json"; empty: any
  std::string_view meaning;

  bool is_number() const { return field.index() == 0; }
};

inline constexpr std::size_t kMaxRetentionGroups = 16;  // each is a file a day

std::span<const SettingKey> setting_keys();
const SettingKey* find_setting(std::string_view name);

/// "a whole number from 1 to 65535", "one of text, json", "a text"
std::string allowed(const SettingKey& key);

/// A key of [storage.group.NAME]: "retention_days", "retention_gb", "summary_days", within the limits of the same key
/// of [storage]. Why it was refused, or nothing.
std::optional<std::string> set(GroupRetention& group, std::string_view name, std::int64_t value);

/// Why it was refused, or nothing. A text for a number is read as one: environment and flags have texts only.
std::optional<std::string> set(Settings& settings, const SettingKey& key, std::int64_t value);
std::optional<std::string> set(Settings& settings, const SettingKey& key, const std::string& value);

}  // namespace hub
