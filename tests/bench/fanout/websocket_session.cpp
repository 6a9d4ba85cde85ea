#include "websocket_session.h"

#include <cstring>

namespace bench {
namespace {

constexpr std::string_view kMask = "\x1b\x4e\x93\x67";
constexpr unsigned kFinal = 0x80, kMasked = 0x80, kLength16 = 126, kLength64 = 127;
constexpr unsigned kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

void put_frame(std::string& out, unsigned opcode, std::string_view payload) {
  const std::size_t size = payload.size();
  out += static_cast<char>(kFinal | opcode);
  if (size < kLength16) {
    out += static_cast<char>(kMasked | size);
  } else {
    const bool is_short = size <= 0xffff;
    out += static_cast<char>(kMasked | (is_short ? kLength16 : kLength64));
    for (int shift = is_short ? 8 : 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  }
  out += kMask;
  const std::size_t at = out.size();
  out += payload;
  for (std::size_t i = 0; i < size; ++i) out[at + i] = static_cast<char>(out[at + i] ^ kMask[i & 3]);
}

struct Frame {
  unsigned opcode;
  bool is_final;
  std::string_view payload;
  std::size_t size;  // with its header
};

/// The frame at the front, where all of it is there.
std::optional<Frame> frame_at(std::string_view in) {
  if (in.size() < 2) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(in[i]); };
  std::size_t header = 2;
  std::uint64_t length = byte(1) & 0x7f;
  if (length >= kLength16) {
    header += length == kLength16 ? 2 : 8;
    if (in.size() < header) return std::nullopt;
    length = 0;
    for (std::size_t i = 2; i < header; ++i) length = length << 8 | byte(i);
  }
  if (in.size() - header < length) return std::nullopt;
  return Frame{byte(0) & 0xfu, (byte(0) & kFinal) != 0, in.substr(header, length), header + length};
}

}  // namespace

void WebSocketSession::put_binary(std::string& out, std::string_view payload) {
  put_frame(out, kBinary, payload);
}

void WebSocketSession::put_text(std::string& out, std::string_view payload) {
  put_frame(out, kText, payload);
}

void WebSocketSession::start(std::string& out) {
  out += "GET " + request_.path + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
  if (!request_.subprotocol.empty()) out += "Sec-WebSocket-Protocol: " + request_.subprotocol + "\r\n";
  if (!request_.bearer.empty()) out += "Authorization: Bearer " + request_.bearer + "\r\n";
  out += "\r\n";
}

std::optional<std::size_t> WebSocketSession::take_upgrade(std::string_view in, std::string& out) {
  const std::size_t end = in.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  if (!in.starts_with("HTTP/1.1 101"))
    return fail("the upgrade was refused: " + std::string(in.substr(0, in.find("\r\n"))));
  upgraded_ = true;
  opened(out);
  return end + 4;
}

std::optional<std::size_t> WebSocketSession::take(std::string_view in, std::string& out, Receipts& receipts) {
  std::size_t taken = 0;
  if (!upgraded_) {
    const auto head = take_upgrade(in, out);
    if (!upgraded_) return head;
    taken = *head;
  }
  while (const auto frame = frame_at(in.substr(taken))) {
    taken += frame->size;
    if (frame->opcode == kPing) {
      put_frame(out, kPong, frame->payload);
    } else if (frame->opcode == kClose) {
      unsigned code = 0;
      if (frame->payload.size() >= 2) {
        code = static_cast<unsigned char>(frame->payload[0]) << 8 | static_cast<unsigned char>(frame->payload[1]);
      }
      const auto reason = frame->payload.size() > 2 ? frame->payload.substr(2) : std::string_view();
      return fail("closed " + std::to_string(code) + " " + std::string(reason));
    } else if (frame->opcode != kPong) {
      std::string_view whole = frame->payload;
      if (!frame->is_final || !fragments_.empty()) {
        fragments_ += frame->payload;
        if (!frame->is_final) continue;
        whole = fragments_;
      }
      const bool is_good = message(whole, out, receipts);
      fragments_.clear();
      if (!is_good) return fail(problem().empty() ? "a message that makes no sense" : problem());
    }
  }
  return taken;
}

}  // namespace bench
