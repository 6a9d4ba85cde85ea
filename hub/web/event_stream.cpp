#include "hub/web/event_stream.h"

#include <chrono>
#include <utility>

#include "hub/web/live_batch.h"
#include "wire/deadline.h"
#include "wire/errc.h"

namespace hub::web {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kRetryMs = 1'000, kBackOffMs = 15'000;

class EventStream final : public wire::Connection {
 public:
  EventStream(std::unique_ptr<wire::ResponseStream> stream, LiveWish wish, std::chrono::milliseconds silence)
      : stream_(std::move(stream)),
        wish_(std::move(wish)),
        batcher_(wish_.happenings, wish_.subscribe.to_us() != 0),
        silence_(silence),
        heartbeat_(stream_->executor()) {
    say("retry: " + std::to_string(kRetryMs) + "\n\n");
    beat_after(silence_);
  }

  wire::Awaitable<wire::error_code> read(std::string& message) override {
    telemetry::v1::ViewerMessage said;
    if (asked_ == 0) {
      *said.mutable_hello() = wish_.hello;
    } else if (asked_ == 1) {
      *said.mutable_subscribe() = wish_.subscribe;
    } else {
      co_return co_await stream_->gone();
    }
    ++asked_;
    message = said.SerializeAsString();
    co_return wire::error_code{};
  }

  wire::error_code write(std::span<const boost::asio::const_buffer> fragments) override {
    if (ended_) return wire::errc::closed;
    if (!batcher_.add(fragments)) return wire::errc::malformed;
    auto batch = batcher_.take();
    if (!batch) return {};
    std::string text;
    if (!batch->position.bytes.empty()) text += "id: " + batch->position.to_text() + "\n";
    text += "data: " + batch->to_json_begin() + "}\n\n";
    const auto ec = say(text);
    if (!ec && batcher_.end()) end(*batcher_.end());
    return ec;
  }

  std::size_t backlog_bytes() const override { return stream_->backlog_bytes(); }
  wire::Awaitable<wire::error_code> drained() override { co_return co_await stream_->drained(); }

  wire::Awaitable<void> close(wire::CloseReason reason, std::chrono::milliseconds) override {
    end({reason.code, std::move(reason.reason)});
    co_return;
  }
  void abort() override {
    // A stream that was ended in order is leaving by itself.
    if (!std::exchange(ended_, true)) stream_->abort();
    heartbeat_.disarm();
  }

  boost::asio::any_io_executor executor() override { return stream_->executor(); }
  std::string remote_address() const override { return stream_->remote_address(); }
  wire::CloseReason peer_close() const override { return {1006, ""}; }
  std::string subprotocol() const override { return {}; }
  wire::Traffic traffic() const override { return stream_->traffic(); }

 private:
  wire::error_code say(std::string_view text) {
    said_ = SteadyClock::now();
    return stream_->write(text);
  }

  void end(const LiveEnd& why) {
    if (std::exchange(ended_, true)) return;
    heartbeat_.disarm();
    std::string text;
    // A browser comes again whatever it is told; by this id the hub knows that it may stop.
    if (why.code == 1000) text += "id: " + std::string(kLiveOver) + "\n";
    if (why.is_to_back_off()) text += "retry: " + std::to_string(kBackOffMs) + "\n";
    text += "event: end\ndata: " + why.to_json() + "\n\n";
    (void)stream_->write(text);
    stream_->finish();
  }

  void beat() {
    const auto silent_for = SteadyClock::now() - said_;
    if (silent_for < silence_) return beat_after(silence_ - silent_for);
    if (stream_->backlog_bytes() == 0) (void)say(":\n\n");  // where something waits, that will be heard
    beat_after(silence_);
  }
  void beat_after(SteadyClock::duration wait) {
    heartbeat_.arm(wait, [this] { beat(); });
  }

  const std::unique_ptr<wire::ResponseStream> stream_;
  const LiveWish wish_;
  LiveBatcher batcher_;
  const std::chrono::milliseconds silence_;
  wire::Deadline heartbeat_;
  SteadyClock::time_point said_{};
  int asked_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<wire::Connection> make_event_stream(std::unique_ptr<wire::ResponseStream> stream, LiveWish wish,
                                                    std::chrono::milliseconds silence) {
  return std::make_unique<EventStream>(std::move(stream), std::move(wish), silence);
}

}  // namespace hub::web
