// What waits to be written to one viewer.
#pragma once

#include <boost/asio/buffer.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "hub/live/fragment.h"

namespace hub::live {

/// Core only. Fragments in order, cut into messages where order matters between different fields of a message. Holds
/// pointers to shared bytes. Only what can be made again from a store or the registry is dropped (`drop`), by kind;
/// what cannot (control) is bounded by its owner through control_count() and control_bytes().
class Outbox {
 public:
  enum class Kind : std::uint8_t {
    telemetry,  // the journal has it
    state,      // presence: the registry has it
    event,      // hub.db has it
    control,    // phases, errors, pongs
  };
  static constexpr std::size_t kMaxBuffers = 1'024;  // of one gathered write
  using Buffers = std::vector<boost::asio::const_buffer>;

  void push(Fragment fragment, Kind kind);
  /// What follows goes into a message of its own.
  void cut();
  bool empty() const { return pieces_.empty(); }
  /// More than one message would be made of it.
  bool is_cut() const {
    if (pieces_.size() + 1 > kMaxBuffers) return true;
    for (std::size_t i = 1; i < pieces_.size(); ++i) {
      if (pieces_[i].starts_message) return true;
    }
    return false;
  }
  std::size_t bytes() const { return bytes_[0] + bytes_[1] + bytes_[2] + bytes_[3]; }
  std::size_t bytes(Kind kind) const { return bytes_[static_cast<std::size_t>(kind)]; }
  std::size_t count(Kind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  void drop(Kind kind);
  void clear();

  /// Calls `write(buffers)` for each message; the last one ends with `trailer`, others that hold telemetry with
  /// `partial`, which says that part of it was told. Stops at the first failure. Empties itself in any case.
  /// `scratch`: memory that is used again from call to call.
  template <class Write>
  auto write_all(const std::string& trailer, const std::string& partial, Buffers& scratch, Write write)
      -> decltype(write({})) {
    decltype(write({})) failure{};
    Buffers buffers = std::move(scratch);
    buffers.clear();
    bool has_telemetry = false;
    const auto end_message = [&] {
      if (std::exchange(has_telemetry, false)) buffers.push_back(boost::asio::buffer(partial));
      failure = write(buffers);
      buffers.clear();
    };
    for (std::size_t i = 0; i < pieces_.size() && !failure; ++i) {
      if (pieces_[i].starts_message && !buffers.empty()) {
        end_message();
        if (failure) break;
      }
      buffers.push_back(boost::asio::buffer(*pieces_[i].fragment));
      has_telemetry = has_telemetry || pieces_[i].kind == Kind::telemetry;
      if (buffers.size() + 1 == kMaxBuffers && i + 1 < pieces_.size()) end_message();
    }
    if (!failure && (!buffers.empty() || !trailer.empty())) {
      if (!trailer.empty()) buffers.push_back(boost::asio::buffer(trailer));
      failure = write(buffers);
    }
    scratch = std::move(buffers);
    clear();
    return failure;
  }

 private:
  struct Piece {
    Fragment fragment;
    Kind kind;
    bool starts_message;
  };
  std::vector<Piece> pieces_;
  std::size_t bytes_[4] = {}, counts_[4] = {};
  bool cut_ = false;
};

}  // namespace hub::live
