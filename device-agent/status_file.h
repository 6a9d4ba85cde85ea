// What a running agent says of itself, for `device-agent status` and `doctor`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace agent {

/// FOLDER/status.json of one agent, written without wearing an SD card: where there is a runtime folder (in memory) the
/// file stands there, named after the state folder, and status.json is a link to it, made once. Without one it stands
/// in the state folder itself and is written only when its meaning changes, at most once a minute. Lives on the agent's
/// thread. A look at it is all that is lost when it cannot be written, so failures are silent.
class StatusFile {
 public:
  /// `runtime_folder` is made where it is missing; empty: there is none.
  StatusFile(std::string state_folder, const std::string& runtime_folder);
  /// `meaning`: two texts of the same meaning differ in counters only.
  void write(const std::string& text, const std::string& meaning, std::int64_t boot_us);
  /// A clean end: nobody is here to say anything.
  void remove();

 private:
  bool write_to_memory(const std::string& text);

  std::string path_, memory_path_;
  std::string last_meaning_;
  std::int64_t last_written_us_ = 0;
  bool was_written_ = false, is_linked_ = false;
};

/// Where files that must not reach the disk may stand: $RUNTIME_DIRECTORY (systemd's), else /run/device-agent for root,
/// else $XDG_RUNTIME_DIR/device-agent; the latter two only where that is memory. Empty: nowhere.
std::string find_runtime_folder();

struct FoundStatus {
  std::string text;  // the JSON
  std::string state, problem;
  bool is_running = false;  // the process that wrote it is still there
};
/// Nothing where no agent runs, or none has said anything.
std::optional<FoundStatus> read_status(const std::string& state_folder);

}  // namespace agent
