// The seam: readings are committed all the time, in order and late, while viewers subscribe, zoom, leave, come back and
// read slowly. In the end each must have every reading of the store exactly once.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>

#include "hub/storage/sqlite/sqlite_readings_store.h"
#include "tests/fakes/readings_client.h"
#include "tests/unit/hub/live/live_fixture.h"

namespace hub {
namespace {

LiveLimits seam_limits() {
  LiveLimits limits;
  limits.history_part_bytes = 700;
  limits.backlog_bytes = 6 * 1'024;
  limits.tick_us = 1'000;
  limits.stalls_before_conflated = 1'000'000;  // every reading is wanted here, however often a viewer is slow
  return limits;
}

struct SeamViewer {
  LiveWorld::Viewer link;
  std::map<std::uint32_t, std::int64_t> from;  // of each subscription
  std::map<std::uint32_t, std::string> pattern;
  std::map<std::uint32_t, std::size_t> asked;  // Subscribes, each of which is answered once
};

class Seam {
 public:
  Seam(LiveWorld& world, ReadingsStore& store, std::uint64_t seed) : world_(world), client_(store), dice_(seed) {
    for (std::size_t device = 0; device < 2; ++device) {
      for (const auto* name : {"temperature", "humidity", "power"})
        series_.push_back({device, world.define(device, name)});
    }
  }

  void run(int commits) {
    std::atomic<bool> writing{true};
    std::thread writer([&, seed = dice_()] {
      write(commits, seed);
      writing = false;
    });
    std::vector<SeamViewer> viewers(4);
    for (auto& viewer : viewers) join(viewer);
    while (writing) {
      auto& viewer = viewers[pick(viewers.size())];
      act(viewer);
      // Take a little, so that views grow and backlogs build up.
      for (auto& each : viewers) {
        while (auto message = each.link.peer->try_receive()) ASSERT_TRUE(each.link.view.apply(*message));
      }
      std::this_thread::yield();
    }
    writer.join();
    for (auto& viewer : viewers) compare(viewer);
    std::printf("%d subscriptions were resumed\n", resumed_);
  }

 private:
  struct Named {
    std::size_t device;
    SeriesId id;
  };

  std::size_t pick(std::size_t n) { return static_cast<std::size_t>(dice_() % n); }

  void write(int commits, std::uint64_t seed) {
    std::mt19937_64 dice(seed);
    std::vector<std::future<Result<AppendResult>>> waiting;
    std::uint64_t sequence[2] = {0, 0};
    for (int n = 0; n < commits; ++n) {
      const std::size_t device = dice() % 2;
      auto frame = fakes::frame_of(fakes::stream_of(world_.device_ids[device].str()), ++sequence[device]);
      for (const auto& one : series_) {
        if (one.device != device || dice() % 3 == 0) continue;
        const bool late = dice() % 4 == 0;
        std::vector<std::int64_t> times;
        std::vector<double> values;
        const std::int64_t base =
            kNow - 2'000'000 + n * 1'000 - (late ? static_cast<std::int64_t>(dice() % 1'500'000) : 0);
        for (std::uint64_t i = 0, size = 1 + dice() % 30; i < size; ++i) {
          times.push_back(base + static_cast<std::int64_t>(i * (dice() % 3)));  // equal times are separate readings
          values.push_back(n + static_cast<double>(i) / 64);
        }
        frame.columns.push_back({one.id, fakes::times(times), values});
      }
      waiting.push_back(client_.start_append(std::move(frame)));
      if (waiting.size() < 8) continue;
      for (auto& one : waiting) ASSERT_TRUE(one.get().has_value());
      waiting.clear();
    }
    for (auto& one : waiting) ASSERT_TRUE(one.get().has_value());
  }

  void join(SeamViewer& viewer) {
    viewer.link = world_.join(8 * 1'024);
    subscribe(viewer, 1);
  }

  void subscribe(SeamViewer& viewer, std::uint32_t id, const std::string& resume = {}) {
    static const char* const kPatterns[] = {"*", "temp*", "*i*", "power"};
    std::int64_t from = kNow - 3'000'000 + static_cast<std::int64_t>(pick(2'500'000));
    if (!resume.empty()) from = viewer.from[id];
    if (resume.empty()) viewer.pattern[id] = kPatterns[pick(4)];
    auto request = LiveWorld::subscribe(id, viewer.pattern[id], from);
    request.set_resume_position(resume);
    viewer.from[id] = from;
    ++viewer.asked[id];
    viewer.link.subscribe(request);
  }

  void act(SeamViewer& viewer) {
    const std::uint32_t id = 1 + static_cast<std::uint32_t>(pick(2));
    switch (pick(40)) {
      case 0:
        subscribe(viewer, id);  // new, or another range
        break;
      case 1: {
        pb::ViewerMessage message;
        message.mutable_unsubscribe()->set_id(2);
        viewer.link.send(message);
        viewer.from.erase(2);
        break;
      }
      case 2:
        come_back(viewer);
        break;
      case 3:
      case 4:
        viewer.link.peer->set_accepting(false);
        break;
      case 5:
      case 6:
        viewer.link.peer->set_accepting(true);
        break;
      default:
        viewer.link.peer->take(1 + pick(3));
    }
  }

  /// Loses the connection and resumes everything by the last position received. What was asked for and not answered is
  /// not what the position tells of.
  void come_back(SeamViewer& viewer) {
    viewer.link.peer->hang_up();
    while (auto message = viewer.link.peer->try_receive()) ASSERT_TRUE(viewer.link.view.apply(*message));
    auto view = std::move(viewer.link.view);
    view.disconnected();
    std::erase_if(view.subscriptions, [&](const auto& one) { return !viewer.from.contains(one.first); });
    std::erase_if(viewer.asked, [&](const auto& one) { return !viewer.from.contains(one.first); });
    viewer.link = world_.join(8 * 1'024);
    viewer.link.view = std::move(view);
    const std::string position = viewer.link.view.position;
    for (const auto& [id, from] : std::map(viewer.from)) {
      const bool answered = viewer.link.view.subscriptions[id].answers == viewer.asked[id];
      viewer.asked[id] = viewer.link.view.subscriptions[id].answers;
      subscribe(viewer, id, answered ? position : std::string());
      if (answered && !position.empty()) ++resumed_;
    }
  }

  void compare(SeamViewer& viewer) {
    viewer.link.peer->set_accepting(true);
    // The last word on each: a fresh subscription stitched after the writing must agree as well.
    ASSERT_TRUE(viewer.link.until([&](const auto&) { return is_current(viewer); })) << why_not_current(viewer);
    for (const auto& [id, from] : viewer.from) {
      for (const auto& one : series_) {
        const auto& known = viewer.link.view.subscriptions.at(id).series;
        const auto it = known.find(raw(one.id));
        if (it == known.end()) continue;
        EXPECT_EQ(without_older(it->second.readings, from), stored(one.id, from))
            << "subscription " << id << ", series " << raw(one.id);
      }
    }
  }

  bool is_current(SeamViewer& viewer) {
    for (const auto& [id, from] : viewer.from) {
      const auto it = viewer.link.view.subscriptions.find(id);
      if (it == viewer.link.view.subscriptions.end() || !it->second.is_live() || it->second.answers != viewer.asked[id])
        return false;
      for (const auto& [series, known] : it->second.series) {
        std::size_t have = 0, should = 0;
        for (const auto& [reading, n] : without_older(known.readings, from)) have += static_cast<std::size_t>(n);
        for (const auto& [reading, n] : stored(SeriesId{series}, from)) should += static_cast<std::size_t>(n);
        if (have < should) return false;
      }
    }
    return true;
  }

  std::string why_not_current(SeamViewer& viewer) {
    std::string why = "the view never settled:";
    for (const auto& [id, from] : viewer.from) {
      const auto& subscription = viewer.link.view.subscriptions[id];
      why += " subscription " + std::to_string(id) + " in phase " + std::to_string(subscription.phase()) +
             ", answers " + std::to_string(subscription.answers) + " of " + std::to_string(viewer.asked[id]) + ";";
      for (const auto& [series, known] : subscription.series) {
        why += " series " + std::to_string(series) + " " + std::to_string(without_older(known.readings, from).size()) +
               " of " + std::to_string(stored(SeriesId{series}, from).size());
      }
    }
    return why;
  }

  static fakes::LiveView::Readings without_older(fakes::LiveView::Readings readings, std::int64_t from) {
    std::erase_if(readings, [&](const auto& one) { return one.first.first < from; });
    return readings;
  }

  /// What the store has; nothing is written any more when this is asked.
  const fakes::LiveView::Readings& stored(SeriesId series, std::int64_t from) {
    auto [it, is_new] = stored_.try_emplace({raw(series), from});
    if (!is_new) return it->second;
    RawQuery query{series, from, kNow + 1'000'000'000, 100'000, std::nullopt};
    do {
      auto page = client_.raw(query);
      EXPECT_TRUE(page.has_value());
      for (std::size_t i = 0; i < page->times_us.size(); ++i) {
        ++it->second[{page->times_us[i], std::get<0>(page->values)[i]}];
      }
      query.cursor = page->next;
    } while (query.cursor);
    return it->second;
  }

  LiveWorld& world_;
  fakes::ReadingsClient client_;
  std::mt19937_64 dice_;
  std::vector<Named> series_;
  int resumed_ = 0;
  std::map<std::pair<std::uint32_t, std::int64_t>, fakes::LiveView::Readings> stored_;
};

std::uint64_t seed() {
  const char* given = std::getenv("LIVE_SEED");
  const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  std::printf("LIVE_SEED=%llu\n", static_cast<unsigned long long>(value));
  return value;
}

TEST(LiveSeam, every_view_equals_the_store_in_memory) {
  LiveWorld world(seam_limits());
  Seam(world, world.store(), seed()).run(1'500);
}

TEST(LiveSeam, every_view_equals_the_store_in_sqlite) {
  fakes::TemporaryFolder folder;
  fakes::ManualClock clock(kNow);
  base::SystemRandom random;
  sqlite::ReadingsOptions options;
  options.folder = folder.path().string();
  options.commit_window_us = 200;
  options.tail_max_bytes = 256 * 1'024;  // seals while viewers read
  auto store = sqlite::open_readings_store(options, clock, random);
  ASSERT_TRUE(store.has_value()) << store.error().detail;
  LiveWorld world(seam_limits(), store->get());
  Seam(world, **store, seed()).run(1'500);
}

}  // namespace
}  // namespace hub
