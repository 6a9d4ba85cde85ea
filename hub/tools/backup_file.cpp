#include "hub/tools/backup_file.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <filesystem>

#include "base/bytes.h"
#include "hub/tools/archive.h"

namespace hub::tools {
namespace {

namespace json = boost::json;

constexpr std::int64_t kBackupFormat = 1;
constexpr std::uint64_t kLargestManifest = 64 << 20;

struct Manifest {
  BackupReport report;
  Contents contents;
};

Outcome<Manifest> read_manifest(const std::string& file, const std::string& text) {
  const Problem damaged{errc::storage_damaged, file + ": its manifest cannot be read; it is not a whole backup.", ""};
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return damaged;
  try {
    const auto& manifest = value.as_object();
    if (manifest.at("format").to_number<std::int64_t>() > kBackupFormat) {
      return Problem{errc::unsupported_version,
                     file + ": was made by a newer program (" + std::string(manifest.at("made_by").as_string()) +
                         "). Use that version, or a newer one.",
                     ""};
    }
    Manifest read;
    read.report.made_at_us = manifest.at("made_at_us").to_number<std::int64_t>();
    read.report.hub_id = manifest.at("hub_id").as_string();
    read.report.head.commit = manifest.at("head").to_number<std::uint64_t>();
    for (const auto& missing : manifest.at("missing").as_array()) read.report.missing.emplace_back(missing.as_string());
    for (const auto& [name, content] : manifest.at("files").as_object()) {
      read.contents[name] = {content.as_object().at("size").to_number<std::uint64_t>(),
                             std::string(content.as_object().at("sha256").as_string())};
    }
    return read;
  } catch (const std::exception&) {
    return damaged;
  }
}

/// What a data folder may hold. Names of entries come from the backup: none may lead out of the folder.
bool is_ours(const std::string& name) {
  const auto is_plain = [](std::string_view part) {
    return !part.empty() && part != "." && part != ".." && part.find('/') == std::string_view::npos &&
           part.find('\0') == std::string_view::npos;
  };
  for (const std::string_view folder : {"partitions/", "tls/"}) {
    if (name.starts_with(folder)) return is_plain(std::string_view(name).substr(folder.size()));
  }
  return is_plain(name);
}

}  // namespace

std::string Hash::hex() {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256_final(&state_, hash.data());
  return base::to_hex(base::as_chars(hash));
}

std::string manifest_text(const BackupReport& report, const Contents& contents) {
  json::object manifest;
  manifest["format"] = kBackupFormat;
  manifest["made_by"] = std::string("telemetry-hub ") + TELEMETRY_VERSION;
  manifest["made_at_us"] = report.made_at_us;
  manifest["hub_id"] = report.hub_id;
  manifest["journal_epoch"] = base::to_hex(base::as_chars(report.head.journal_epoch));
  manifest["head"] = report.head.commit;
  json::array missing;
  for (const auto& file : report.missing) missing.emplace_back(file);
  manifest["missing"] = std::move(missing);
  json::object files;
  for (const auto& [name, content] : contents)
    files[name] = json::object{{"size", content.size}, {"sha256", content.sha256}};
  manifest["files"] = std::move(files);
  return json::serialize(manifest) + "\n";
}

Outcome<BackupReport> read_backup(const std::string& file,
                                  const std::function<Outcome<EntryUse>(const std::string&)>& begin,
                                  const BackupProgress& progress) {
  auto reader = ArchiveReader::open(file);
  if (!reader) return reader.error();
  std::error_code ignored;
  const auto file_bytes = std::filesystem::file_size(file, ignored);
  Contents found;
  std::string manifest_json;
  std::uint64_t bytes = 0;
  for (;;) {
    auto entry = (*reader)->next();
    if (!entry) return entry.error();
    if (!*entry) break;
    const std::string name = (*entry)->name;
    if (!is_ours(name) || found.contains(name))
      return Problem{errc::storage_damaged, file + ": holds " + name + ", which no backup does.", ""};
    if (name == kManifest) {
      if ((*entry)->size > kLargestManifest)
        return Problem{errc::too_large, file + ": its manifest is larger than any backup's.", ""};
      auto problem = (*reader)->read([&](std::string_view piece) {
        manifest_json += piece;
        return std::optional<Problem>();
      });
      if (problem) return *problem;
      continue;
    }
    auto use = begin(name);
    if (!use) return use.error();
    Hash hash;
    Content content;
    auto problem = (*reader)->read([&](std::string_view piece) {
      hash.add(piece);
      content.size += piece.size();
      bytes += piece.size();
      progress(static_cast<double>((*reader)->file_bytes_read()) /
                   static_cast<double>(std::max<std::uintmax_t>(file_bytes, 1)),
               name);
      return (*use)(piece);
    });
    if (!problem) problem = (*use)({});
    if (problem) return *problem;
    content.sha256 = hash.hex();
    found[name] = content;
  }
  if (manifest_json.empty())
    return Problem{errc::storage_damaged, file + ": has no manifest: it is cut off, or not a backup.", ""};
  auto manifest = read_manifest(file, manifest_json);
  if (!manifest) return manifest.error();
  for (const auto& [name, content] : manifest->contents) {
    const auto is = found.find(name);
    if (is == found.end()) return Problem{errc::storage_damaged, file + ": " + name + " is not in it.", ""};
    if (is->second != content)
      return Problem{errc::storage_damaged, file + ": " + name + " is damaged (its SHA-256 is another).", ""};
  }
  if (found.size() != manifest->contents.size())
    return Problem{errc::storage_damaged, file + ": holds files that its manifest does not name.", ""};
  manifest->report.files = found.size();
  manifest->report.bytes = bytes;
  manifest->report.file_bytes = file_bytes;
  return manifest->report;
}

}  // namespace hub::tools
