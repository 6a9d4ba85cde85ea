#include "device-agent/spool/spool_segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "device-agent/spool/spool_bytes.h"
#include "device-agent/spool/spool_record.h"

namespace agent {
namespace {

constexpr std::size_t kMostEpochs = 65'535;  // in one segment; what comes later cannot be found, and becomes a gap

/// Closes at the end of a block.
struct Descriptor {
  explicit Descriptor(const std::string& path) : fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd;
};

base::Result<std::size_t> read_at(int fd, char* to, std::size_t size, std::size_t offset) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd, to + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_file_error();
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

}  // namespace

base::Result<FileBytes> FileBytes::read(const std::string& path) {
  const Descriptor file(path);
  if (file.fd < 0) return last_file_error();
  struct stat s {};
  if (::fstat(file.fd, &s) != 0) return last_file_error();
  FileBytes bytes;
  if (s.st_size == 0) return bytes;
  const auto size = static_cast<std::size_t>(s.st_size);
  void* place = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return last_file_error();
  bytes.data_ = static_cast<char*>(place);
  bytes.size_ = size;
  const auto done = read_at(file.fd, bytes.data_, size, 0);
  if (!done) return done.error();
  if (*done != size) return base::error_code(EIO, boost::system::system_category());
  return bytes;
}

FileBytes::FileBytes(FileBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

FileBytes& FileBytes::operator=(FileBytes&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

FileBytes::~FileBytes() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

base::Result<void> SegmentIndex::load(const Segment& segment) {
  forget();
  epochs_.clear();
  const auto bytes = FileBytes::read(segment.path);
  if (!bytes) return bytes.error();
  std::optional<std::uint16_t> epoch;
  (void)scan_file(bytes->view(), [&](const SpoolRecord& record) {
    if (record.type == 'E' && record.payload.size() == 32) {
      const auto id = *base::to_id128(record.payload.substr(0, 16));
      const auto known = std::find(epochs_.begin(), epochs_.end(), id);
      epoch = static_cast<std::uint16_t>(known - epochs_.begin());
      if (known != epochs_.end()) return;
      if (epochs_.size() >= kMostEpochs)
        epoch.reset();
      else
        epochs_.push_back(id);
    } else if (const auto item = decode_item(record); item && epoch) {
      items_.push_back({item->first, static_cast<std::uint32_t>(record.payload_at + item->body_at),
                        static_cast<std::uint32_t>(record.payload.size() - item->body_at), *epoch, item->lane,
                        item->is_gap});
    }
  });
  // A frame that was placed stands twice: as it was written last.
  std::stable_sort(items_.begin(), items_.end(), [](const Item& a, const Item& b) { return a.place() < b.place(); });
  path_ = segment.path;
  bytes_ = segment.bytes;
  return {};
}

const SegmentIndex::Item* SegmentIndex::find(const StreamKey& stream, bool is_gap, std::uint64_t first) const {
  const auto epoch = std::find(epochs_.begin(), epochs_.end(), stream.epoch);
  if (epoch == epochs_.end()) return nullptr;
  Item wanted;
  wanted.epoch = static_cast<std::uint16_t>(epoch - epochs_.begin());
  wanted.lane = stream.lane;
  wanted.is_gap = is_gap;
  wanted.first = first;
  const auto behind = std::partition_point(items_.begin(), items_.end(),
                                           [&](const Item& item) { return item.place() <= wanted.place(); });
  if (behind == items_.begin() || std::prev(behind)->place() != wanted.place()) return nullptr;
  return &*std::prev(behind);
}

base::Result<std::string> SegmentIndex::read(const Segment& segment, const StreamKey& stream, bool is_gap,
                                             std::uint64_t first) {
  const Item* item = path_ == segment.path ? find(stream, is_gap, first) : nullptr;
  if (item == nullptr && (path_ != segment.path || bytes_ != segment.bytes)) {
    if (auto loaded = load(segment); !loaded) return loaded.error();
    item = find(stream, is_gap, first);
  }
  if (item == nullptr) return base::error_code(EBADMSG, boost::system::system_category());
  const Descriptor file(segment.path);
  if (file.fd < 0) return last_file_error();
  std::string bytes(item->size, '\0');
  const auto done = read_at(file.fd, bytes.data(), bytes.size(), item->offset);
  if (!done) return done.error();
  if (*done != bytes.size()) return base::error_code(EBADMSG, boost::system::system_category());
  return bytes;
}

}  // namespace agent
