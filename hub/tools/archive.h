// Backups as files: tar with zstd, so that any tar reads them in ten years. Over libarchive.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hub/core/errc.h"

struct archive;

namespace hub::tools {

/// Writes beside `path` and gives it its name when it is whole and on the disk. Readable by its owner only: a backup
/// holds keys. Removed where finish() was not reached. One thread.
class ArchiveWriter {
 public:
  static Outcome<std::unique_ptr<ArchiveWriter>> create(const std::string& path);
  ~ArchiveWriter();

  /// The next entry; its bytes follow by write() until `size` are there.
  std::optional<Problem> begin(const std::string& name, std::uint64_t size, std::int64_t made_at_us);
  std::optional<Problem> write(std::string_view bytes);
  std::optional<Problem> finish();

 private:
  explicit ArchiveWriter(std::string path);
  Problem failed() const;

  const std::string path_, part_path_;
  struct archive* archive_ = nullptr;
  int fd_ = -1;
};

/// Reads entry by entry. One thread.
class ArchiveReader {
 public:
  static Outcome<std::unique_ptr<ArchiveReader>> open(const std::string& path);
  ~ArchiveReader();

  struct Entry {
    std::string name;
    std::uint64_t size = 0;
  };
  /// Nothing: that was the last. Problem where what follows is no plain file.
  Outcome<std::optional<Entry>> next();
  std::uint64_t file_bytes_read() const;
  /// All of the entry's bytes, in pieces. A Problem of `use` ends it.
  std::optional<Problem> read(const std::function<std::optional<Problem>(std::string_view)>& use);

 private:
  explicit ArchiveReader(std::string path) : path_(std::move(path)) {}
  Problem failed() const;

  const std::string path_;
  struct archive* archive_ = nullptr;
};

}  // namespace hub::tools
