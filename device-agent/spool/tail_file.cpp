#include "device-agent/spool/tail_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "device-agent/spool/spool_bytes.h"
#include "device-agent/spool/spool_segment.h"

namespace agent {
namespace {

base::Result<void> write_all(int fd, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? last_file_error() : base::error_code(ENOSPC, boost::system::system_category());
    bytes.remove_prefix(static_cast<std::size_t>(n));
    offset += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace

TailFile::~TailFile() {
  close();
}

void TailFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

base::Result<FoundTail> TailFile::load(std::uint64_t void_up_to) {
  FoundTail found;
  pass_ = void_up_to + 1;
  const auto file = FileBytes::read(path_);
  if (!file) {
    if (file.error().value() == ENOENT) return found;
    return file.error();
  }
  drop_cached();
  const std::string_view bytes = file->view();
  found.is_there = true;
  if (bytes.size() % kBlock != 0) ++found.damaged;
  file_bytes_ = bytes.size();
  struct Block {
    std::uint64_t pass = 0;
    std::string_view payload;
  };
  std::vector<Block> blocks;
  for (std::size_t at = 0; at + kBlock <= bytes.size(); at += kBlock) {
    const std::string_view block = bytes.substr(at, kBlock);
    const auto used = get_number<std::uint16_t>(block.substr(12, 2));
    if (base::crc32(block.substr(4)) == get_number<std::uint32_t>(block) && used <= kPayload) {
      blocks.push_back({get_number<std::uint64_t>(block.substr(4, 8)), block.substr(kHeader, used)});
    } else if (block.find_first_not_of('\0') != std::string_view::npos) {
      ++found.damaged;
    }
  }
  is_spoiled_ = found.damaged > 0 || bytes.size() != blocks_ * kBlock;
  for (const auto& block : blocks) found.pass = std::max(found.pass, block.pass);
  pass_ = std::max(pass_, found.pass + 1);
  if (found.pass <= void_up_to) {
    found.pass = 0;
    return found;
  }
  for (const auto& block : blocks) {
    if (block.pass == found.pass) found.payload += block.payload;
  }
  if (found.payload.empty()) return found;
  pass_ = found.pass;
  at_ = std::max<std::size_t>(blocks_, 1);
  has_payload_ = true;
  return found;
}

/// The kernel keeps what was read or written at once as one piece, and where that is large it accounts a write into it
/// as one of all of it.
void TailFile::drop_cached() {
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  ::close(fd);
}

base::Result<void> TailFile::make() {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) return last_file_error();
  const off_t size = ::lseek(fd_, 0, SEEK_END);
  const std::size_t wanted = blocks_ * kBlock;
  if (size == static_cast<off_t>(wanted) && !is_spoiled_) {
    file_bytes_ = wanted;
    return {};
  }
  base::Result<void> made;
  if (::ftruncate(fd_, 0) != 0) made = last_file_error();
  if (made) made = write_all(fd_, std::string(wanted, '\0'), 0);
  if (made && ::fsync(fd_) != 0) made = last_file_error();
  if (!made) {
    close();
    ::unlink(path_.c_str());
    file_bytes_ = 0;
    return made;
  }
  const int folder = ::open(std::filesystem::path(path_).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  drop_cached();
  is_spoiled_ = false;
  file_bytes_ = wanted;
  written_ += wanted;
  return {};
}

base::Result<void> TailFile::write(std::string_view payload) {
  if (payload.size() > room() || room() == 0) return base::error_code(ENOSPC, boost::system::system_category());
  if (fd_ < 0) {
    if (auto made = make(); !made) return made;
  }
  const std::size_t blocks = std::max<std::size_t>((payload.size() + kPayload - 1) / kPayload, 1);
  std::string bytes(blocks * kBlock, '\0');
  for (std::size_t i = 0; i < blocks; ++i) {
    char* block = bytes.data() + i * kBlock;
    const std::string_view part = payload.substr(std::min(i * kPayload, payload.size()), kPayload);
    put_number(block + 4, pass_);
    put_number(block + 12, static_cast<std::uint16_t>(part.size()));
    part.copy(block + kHeader, part.size());
    put_number(block, base::crc32(std::string_view(block + 4, kBlock - 4)));
  }
  auto done = write_all(fd_, bytes, at_ * kBlock);
  if (done && ::fdatasync(fd_) != 0) done = last_file_error();
  if (!done) {
    // After a failed write the kernel may have thrown the pages away: what stands there is looked at anew.
    close();
    return done;
  }
  written_ += bytes.size();
  at_ += blocks;
  has_payload_ = has_payload_ || !payload.empty();
  return {};
}

void TailFile::restart() {
  if (at_ == 0) return;
  at_ = 0;
  has_payload_ = false;
  ++pass_;
  if (is_spoiled_) close();
}

}  // namespace agent
