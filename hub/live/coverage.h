// Which commits' readings a viewer already has of one series, while history is being sent in pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "hub/core/ids.h"

namespace hub::live {

/// The pieces of a history are queried one after another, each as of a later commit. A reading at time t of a commit
/// past the as_of of t's piece is not in that piece and must be caught up; all others must not be sent again. Pieces
/// lie in time order; nothing is known past `covered_to`. When a catch-up has passed all commits up to some number,
/// pieces up to it become one (raise), so there are few.
class Coverage {
 public:
  static constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();

  /// Everything, at all times, as of `commit`: snapshots and resumed subscriptions.
  static Coverage all(CommitNumber commit) {
    Coverage coverage;
    coverage.add(kForEver, commit);
    return coverage;
  }

  bool empty() const { return pieces_.empty(); }
  bool complete() const { return !pieces_.empty() && covered_to() == kForEver; }
  std::int64_t covered_to() const {
    return pieces_.empty() ? std::numeric_limits<std::int64_t>::min() : pieces_.back().to_us;
  }

  /// Times from covered_to() to `to_us` (exclusive) are known as of `commit`.
  void add(std::int64_t to_us, CommitNumber commit) {
    if (!pieces_.empty() && (pieces_.back().as_of == commit || pieces_.back().to_us == to_us)) {
      if (pieces_.back().as_of == commit) pieces_.back().to_us = to_us;
      return;
    }
    pieces_.push_back({to_us, commit});
  }

  /// Whether a reading of this commit is still to be sent.
  bool misses(std::int64_t time_us, CommitNumber commit) const {
    for (const auto& piece : pieces_) {
      if (time_us < piece.to_us || piece.to_us == kForEver) return commit > piece.as_of;
    }
    return false;  // history will bring it
  }

  CommitNumber floor() const {
    CommitNumber least = std::numeric_limits<CommitNumber>::max();
    for (const auto& piece : pieces_) least = std::min(least, piece.as_of);
    return least;
  }

  CommitNumber ceiling() const {
    CommitNumber most = 0;
    for (const auto& piece : pieces_) most = std::max(most, piece.as_of);
    return most;
  }

  /// All commits up to `commit` have been caught up.
  void raise(CommitNumber commit) {
    std::vector<Piece> raised;
    for (auto piece : pieces_) {
      piece.as_of = std::max(piece.as_of, commit);
      if (!raised.empty() && raised.back().as_of == piece.as_of) {
        raised.back().to_us = piece.to_us;
      } else {
        raised.push_back(piece);
      }
    }
    pieces_ = std::move(raised);
  }

  std::size_t pieces() const { return pieces_.size(); }

 private:
  struct Piece {
    std::int64_t to_us;
    CommitNumber as_of;
  };
  std::vector<Piece> pieces_;
};

}  // namespace hub::live
