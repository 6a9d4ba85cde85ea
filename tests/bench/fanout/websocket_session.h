// WebSocket as a client, framing by hand: the part that every protocol on top of it shares.
#pragma once

#include <string>

#include "session.h"

namespace bench {

struct UpgradeRequest {
  std::string path;
  std::string subprotocol;  // empty: none
  std::string bearer;       // empty: no Authorization
};

class WebSocketSession : public Session {
 public:
  explicit WebSocketSession(UpgradeRequest request) : request_(std::move(request)) {}

  void start(std::string& out) override;
  std::optional<std::size_t> take(std::string_view in, std::string& out, Receipts& receipts) final;

 protected:
  /// The upgrade is done.
  virtual void opened(std::string&) {}
  /// A whole message. False: it makes no sense, the session ends.
  virtual bool message(std::string_view payload, std::string& out, Receipts& receipts) = 0;

  static void put_binary(std::string& out, std::string_view payload);
  static void put_text(std::string& out, std::string_view payload);

 private:
  std::optional<std::size_t> take_upgrade(std::string_view in, std::string& out);

  const UpgradeRequest request_;
  bool upgraded_ = false;
  std::string fragments_;  // of a message in several frames
};

}  // namespace bench
