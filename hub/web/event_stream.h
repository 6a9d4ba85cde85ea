// A viewer that listens to server-sent events.
#pragma once

#include <chrono>
#include <memory>

#include "hub/web/live_wish.h"
#include "wire/response_stream.h"

namespace hub::web {

constexpr std::chrono::milliseconds kEventStreamSilence{15'000};

/// The far end of a ViewerSession as a text/event-stream: it hears the Hello and the one Subscribe of `wish`, and what
/// the session writes leaves as one event each time, whose id is the position behind it. A comment every `silence`
/// of silence; at the end an event "end". Core only, as wire::Connection; bounded as the stream is, and by one event.
std::unique_ptr<wire::Connection> make_event_stream(std::unique_ptr<wire::ResponseStream> stream, LiveWish wish,
                                                    std::chrono::milliseconds silence = kEventStreamSilence);

}  // namespace hub::web
