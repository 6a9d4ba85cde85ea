#include "device-agent/status_file.h"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "device-agent/sensors/system_files.h"

namespace agent {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kCardUs = 60'000'000;

/// Renamed into place, not fsynced: it is for a look.
bool put(const std::string& path, const std::string& text) {
  {
    std::ofstream out(path + ".new", std::ios::trunc);
    out << text;
    if (!out.flush()) return false;
  }
  std::error_code ec;
  fs::rename(path + ".new", path, ec);
  return !ec;
}

bool is_memory(const std::string& folder) {
  struct statfs s {};
  if (::statfs(folder.c_str(), &s) != 0) return false;
  const auto type = static_cast<std::uint32_t>(s.f_type);  // signed or not, wide or not: that differs by machine
  return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

}  // namespace

StatusFile::StatusFile(std::string state_folder, const std::string& runtime_folder)
    : path_(std::move(state_folder) + "/status.json") {
  std::error_code ec;
  if (runtime_folder.empty()) return;
  fs::create_directories(runtime_folder, ec);
  if (ec) return;
  // Two agents of one machine have two state folders and one runtime folder.
  char name[32];
  std::snprintf(name, sizeof name, "/status-%08x.json",
                base::crc32(fs::absolute(path_, ec).lexically_normal().string()));
  memory_path_ = runtime_folder + name;
}

bool StatusFile::write_to_memory(const std::string& text) {
  if (memory_path_.empty() || !put(memory_path_, text)) return false;
  std::error_code ec;
  if (!is_linked_ && fs::read_symlink(path_, ec) != memory_path_) {
    fs::remove(path_ + ".new", ec);
    fs::create_symlink(memory_path_, path_ + ".new", ec);
    if (!ec) fs::rename(path_ + ".new", path_, ec);
    if (ec) return false;
  }
  is_linked_ = true;
  return true;
}

void StatusFile::write(const std::string& text, const std::string& meaning, std::int64_t boot_us) {
  if (write_to_memory(text)) return;
  if (was_written_ && (meaning == last_meaning_ || boot_us - last_written_us_ < kCardUs)) return;
  was_written_ = true;
  last_meaning_ = meaning;
  last_written_us_ = boot_us;
  is_linked_ = false;
  (void)put(path_, text);
}

void StatusFile::remove() {
  std::error_code ec;
  if (is_linked_) {
    fs::remove(memory_path_, ec);  // the link stays, and costs no write at the next start
  } else if (was_written_) {
    fs::remove(path_, ec);
  }
}

std::string find_runtime_folder() {
  if (const char* given = std::getenv("RUNTIME_DIRECTORY"); given != nullptr && *given == '/') {
    const std::string folders = given;  // several are divided by colons
    return folders.substr(0, folders.find(':'));
  }
  if (::geteuid() == 0) return is_memory("/run") ? "/run/device-agent" : std::string();
  const char* own = std::getenv("XDG_RUNTIME_DIR");
  return own != nullptr && *own == '/' && is_memory(own) ? std::string(own) + "/device-agent" : std::string();
}

std::optional<FoundStatus> read_status(const std::string& state_folder) {
  auto text = read_file(state_folder + "/status.json");
  if (!text) return std::nullopt;
  FoundStatus found;
  boost::json::error_code ec;
  const auto json = boost::json::parse(*text, ec);
  if (const auto* status = ec ? nullptr : json.if_object()) {
    const auto word = [status](const char* key) {
      const auto* value = status->if_contains(key);
      return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
    };
    found.state = word("state");
    found.problem = word("problem");
    const auto* pid = status->if_contains("pid");
    const auto program = read_line("/proc/self/comm");
    if (pid != nullptr && pid->is_int64()) {
      found.is_running = program && read_line("/proc/" + std::to_string(pid->as_int64()) + "/comm") == program;
    }
  }
  found.text = std::move(*text);
  return found;
}

}  // namespace agent
