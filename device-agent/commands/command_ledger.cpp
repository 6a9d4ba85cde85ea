#include "device-agent/commands/command_ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"

namespace agent {
namespace {

constexpr std::size_t kMostEntries = 256;
constexpr std::size_t kKeptOutput = 4 * 1024;

bool is_final(const telemetry::v1::ExecutionUpdate& u) {
  return u.state() >= telemetry::v1::EXECUTION_STATE_SUCCEEDED && u.state() <= telemetry::v1::EXECUTION_STATE_CANCELLED;
}

}  // namespace

// One line an entry: crc32 and the message, in hexadecimal.
base::Result<CommandLedger> CommandLedger::open(std::string path) {
  CommandLedger ledger;
  ledger.path_ = std::move(path);
  std::ifstream in(ledger.path_);
  for (std::string line; std::getline(in, line);) {
    if (line.size() < 8) continue;
    const auto bytes = base::from_hex(std::string_view(line).substr(8));
    telemetry::v1::ExecutionUpdate entry;
    char crc[9];
    if (!bytes) continue;
    std::snprintf(crc, sizeof crc, "%08x", base::crc32(*bytes));
    if (line.compare(0, 8, crc) == 0 && entry.ParseFromString(*bytes)) ledger.entries_.push_back(std::move(entry));
  }
  return ledger;
}

std::optional<telemetry::v1::ExecutionUpdate> CommandLedger::find(const std::string& id) const {
  for (const auto& entry : entries_) {
    if (entry.id() == id) return entry;
  }
  for (const auto& entry : refused_) {
    if (entry.id() == id) return entry;
  }
  return std::nullopt;
}

void CommandLedger::remember(const telemetry::v1::ExecutionUpdate& update) {
  refused_.push_back(update);
  if (refused_.size() > kMostEntries) refused_.pop_front();
}

base::Result<void> CommandLedger::put(const telemetry::v1::ExecutionUpdate& update) {
  std::erase_if(entries_, [&](const auto& e) { return e.id() == update.id(); });
  // The oldest that has ended goes; what has not ended must not be forgotten.
  if (entries_.size() >= kMostEntries) {
    const auto ended = std::find_if(entries_.begin(), entries_.end(), is_final);
    entries_.erase(ended == entries_.end() ? entries_.begin() : ended);
  }
  entries_.push_back(update);
  auto& kept = entries_.back();
  if (kept.output().size() > kKeptOutput) {
    auto& output = *kept.mutable_output();
    std::size_t end = kKeptOutput;
    while (end > 0 && (static_cast<unsigned char>(output[end]) & 0xc0) == 0x80) --end;  // no half characters
    output.resize(end);
  }
  std::string text;
  for (const auto& entry : entries_) {
    const std::string bytes = entry.SerializeAsString();
    char crc[9];
    std::snprintf(crc, sizeof crc, "%08x", base::crc32(bytes));
    text += crc + base::to_hex(bytes) + "\n";
  }
  const auto failed = [] { return base::error_code(errno, boost::system::system_category()); };
  const std::string temporary = path_ + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed();
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const auto ec = failed();
  ::close(fd);
  if (!written) return ec;
  if (::rename(temporary.c_str(), path_.c_str()) != 0) return failed();
  const int folder = ::open(std::filesystem::path(path_).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

}  // namespace agent
