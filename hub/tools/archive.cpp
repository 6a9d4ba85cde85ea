#include "hub/tools/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>
#include <algorithm>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

namespace hub::tools {
namespace {

constexpr char kLevel[] = "zstd:compression-level=3";  // what is large is packed already
constexpr std::size_t kReadBytes = 256 * 1024;

struct FreeEntry {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

std::string cause(const std::string& path, const std::string& what, int error) {
  return path + ": " + what + " (" + std::strerror(error) + ").";
}

bool sync_folder_of(const std::string& path) {
  const auto parent = std::filesystem::absolute(path).parent_path();
  const int fd = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool synced = ::fsync(fd) == 0;
  ::close(fd);
  return synced;
}

}  // namespace

ArchiveWriter::ArchiveWriter(std::string path) : path_(std::move(path)), part_path_(path_ + ".part") {}

ArchiveWriter::~ArchiveWriter() {
  if (archive_ != nullptr) archive_write_free(archive_);
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(part_path_.c_str());
}

Outcome<std::unique_ptr<ArchiveWriter>> ArchiveWriter::create(const std::string& path) {
  std::unique_ptr<ArchiveWriter> writer(new ArchiveWriter(path));
  writer->fd_ = ::open(writer->part_path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (writer->fd_ < 0)
    return Problem{errc::invalid_argument, cause(writer->part_path_, "cannot be written", errno), ""};
  writer->archive_ = archive_write_new();
  if (writer->archive_ == nullptr || archive_write_set_format_pax_restricted(writer->archive_) != ARCHIVE_OK ||
      archive_write_add_filter_zstd(writer->archive_) != ARCHIVE_OK ||
      archive_write_set_options(writer->archive_, kLevel) != ARCHIVE_OK ||
      archive_write_open_fd(writer->archive_, writer->fd_) != ARCHIVE_OK) {
    return writer->failed();
  }
  return writer;
}

Problem ArchiveWriter::failed() const {
  const char* said = archive_ != nullptr ? archive_error_string(archive_) : nullptr;
  const bool is_full = archive_ != nullptr && archive_errno(archive_) == ENOSPC;
  return {is_full ? errc::unavailable : errc::storage_failed,
          part_path_ + ": cannot be written (" + (said != nullptr ? said : "out of memory") + ").", ""};
}

std::optional<Problem> ArchiveWriter::begin(const std::string& name, std::uint64_t size, std::int64_t made_at_us) {
  const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_size(entry.get(), static_cast<std::int64_t>(size));
  archive_entry_set_mtime(entry.get(), made_at_us / 1'000'000, 0);
  if (archive_write_header(archive_, entry.get()) != ARCHIVE_OK) return failed();
  return std::nullopt;
}

std::optional<Problem> ArchiveWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const la_ssize_t written = archive_write_data(archive_, bytes.data(), bytes.size());
    if (written <= 0) return failed();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return std::nullopt;
}

std::optional<Problem> ArchiveWriter::finish() {
  if (archive_write_close(archive_) != ARCHIVE_OK) return failed();
  if (::fsync(fd_) != 0 || std::rename(part_path_.c_str(), path_.c_str()) != 0) {
    return Problem{errc::storage_failed, cause(path_, "cannot be finished", errno), ""};
  }
  ::close(fd_);
  fd_ = -1;
  if (!sync_folder_of(path_))
    return Problem{errc::storage_failed, cause(path_, "its folder cannot be flushed", errno), ""};
  return std::nullopt;
}

Outcome<std::unique_ptr<ArchiveReader>> ArchiveReader::open(const std::string& path) {
  std::unique_ptr<ArchiveReader> reader(new ArchiveReader(path));
  reader->archive_ = archive_read_new();
  if (reader->archive_ == nullptr || archive_read_support_format_tar(reader->archive_) != ARCHIVE_OK ||
      archive_read_support_filter_zstd(reader->archive_) != ARCHIVE_OK ||
      archive_read_open_filename(reader->archive_, path.c_str(), kReadBytes) != ARCHIVE_OK) {
    return reader->failed();
  }
  return reader;
}

ArchiveReader::~ArchiveReader() {
  if (archive_ != nullptr) archive_read_free(archive_);
}

Problem ArchiveReader::failed() const {
  const char* said = archive_ != nullptr ? archive_error_string(archive_) : nullptr;
  const bool is_absent = archive_ != nullptr && archive_errno(archive_) == ENOENT;
  return {is_absent ? errc::not_found : errc::storage_damaged,
          path_ + ": cannot be read as a backup (" + (said != nullptr ? said : "out of memory") + ").", ""};
}

std::uint64_t ArchiveReader::file_bytes_read() const {
  return static_cast<std::uint64_t>(std::max<la_int64_t>(archive_filter_bytes(archive_, -1), 0));
}

Outcome<std::optional<ArchiveReader::Entry>> ArchiveReader::next() {
  archive_entry* entry = nullptr;
  const int code = archive_read_next_header(archive_, &entry);
  if (code == ARCHIVE_EOF) return std::optional<Entry>();
  if (code != ARCHIVE_OK) return failed();
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) {
    return Problem{errc::storage_damaged, path_ + ": holds something that is no plain file; it is not a backup.", ""};
  }
  return std::optional(Entry{name, static_cast<std::uint64_t>(archive_entry_size(entry))});
}

std::optional<Problem> ArchiveReader::read(const std::function<std::optional<Problem>(std::string_view)>& use) {
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const la_ssize_t got = archive_read_data(archive_, buffer.data(), buffer.size());
    if (got < 0) return failed();
    if (got == 0) return std::nullopt;
    if (auto problem = use(std::string_view(buffer.data(), static_cast<std::size_t>(got)))) return problem;
  }
}

}  // namespace hub::tools
