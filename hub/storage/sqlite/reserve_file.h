// DATA/reserve: room on the disk that is kept for when there is none.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "hub/storage/sqlite/data_folder.h"

namespace hub::sqlite {

/// A file without contents that holds a quarter of the low-water mark, at most 64 MB, so that on a disk that others
/// have filled sealing, sign-in and audit can still write: then it is deleted. It is made again once there is so much
/// room that making it brings nothing near the low-water mark. One thread at a time; `bytes` and `is_given_up` from
/// any.
class ReserveFile {
 public:
  ReserveFile(DataFolder folder, std::uint64_t low_water_bytes);

  /// At the opening, and then about once a second.
  void look();
  /// Something could not be written for want of room.
  void give_up();

  std::uint64_t wanted_bytes() const { return wanted_bytes_; }  // 0: the low-water mark is too low for a reserve
  std::uint64_t bytes() const { return held_bytes_; }
  /// There should be one and there is none: the disk is full, or was lately.
  bool is_given_up() const { return wanted_bytes_ != 0 && held_bytes_ == 0; }
  /// Free space from which on it is made.
  std::uint64_t made_from_bytes() const { return low_water_bytes_ + 2 * wanted_bytes_; }

 private:
  bool make();

  const DataFolder folder_;
  const std::uint64_t low_water_bytes_, wanted_bytes_;
  std::atomic<std::uint64_t> held_bytes_{0};
};

/// Before the databases of the folder are opened: on a disk that is full not even that works. True: room was made.
bool give_up_reserve_if_full(const DataFolder& folder);

}  // namespace hub::sqlite
