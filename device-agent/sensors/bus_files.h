// Files of a slow bus below /sys: read whole, with the error a driver gives.
#pragma once

#include <string>

namespace agent {

/// `error`: an errno; 0: `text` is the file.
struct FileText {
  int error = 0;
  std::string text;
};

/// The seam between a bus and the kernel. A call may take as long as the driver does; a signal to its thread ends it
/// with EINTR where the driver lets it. Called from the bus's thread.
class BusFiles {
 public:
  virtual ~BusFiles() = default;
  /// Longer than 4 KiB, which no attribute of a driver is: EFBIG.
  virtual FileText read(const std::string& path) = 0;
  virtual int write(const std::string& path, const std::string& text) = 0;
};

class SystemBusFiles final : public BusFiles {
 public:
  FileText read(const std::string& path) override;
  int write(const std::string& path, const std::string& text) override;
};

}  // namespace agent
