// Streams of which a frame was refused, so that the frames behind it do not jump its place.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "hub/core/reading.h"

namespace hub::sqlite {

/// A session may have several frames on their way when one is refused (busy, disk full). Were a later one then stored,
/// the refused one would count as missing, and the cursor past it would make its resend a duplicate: data lost that the
/// device still holds. So later frames are refused too, until the refused one comes again or the session asks for its
/// cursor and starts over. Not thread-safe. At most 65,536 streams; past that an arbitrary one is forgotten.
class RefusedStreams {
 public:
  void mark(const StoredFrame& frame);
  /// Whether the frame may be taken; clears the mark where it is the one that was refused.
  bool allows(const StoredFrame& frame);
  void forget(const StreamKey& stream) { refused_.erase(stream); }

 private:
  std::unordered_map<StreamKey, std::uint64_t> refused_;  // first sequence refused
};

}  // namespace hub::sqlite
