#include "hub/web/reading_routes.h"

#include <boost/algorithm/string/classification.hpp>
#include <boost/algorithm/string/split.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <unordered_map>

#include "hub/web/accept.h"
#include "hub/web/json_text.h"
#include "hub/web/query_reader.h"
#include "hub/web/readings_text.h"

namespace hub::web {
namespace {

namespace json = boost::json;

struct Range {
  std::int64_t from_us = 0, to_us = 0;
};

Range read_range(QueryReader& query, const Call& call) {
  const std::int64_t now_us = call.services.clock.now_us();
  const Range range{query.time("from", now_us), query.time("to", now_us)};
  if (!query.problem() && range.from_us >= range.to_us) query.refuse("from", "from must be before to");
  return range;
}

using Names = std::vector<std::string>;
constexpr std::size_t kMaxLatest = 100'000;

/// A parameter that is a list with commas; empty where it is not given.
Names names_of(QueryReader& query, std::string_view parameter) {
  Names names;
  const auto text = query.optional_text(parameter);
  if (text) boost::split(names, *text, boost::is_any_of(","));
  return names;
}

std::string position_text(const Call& call, CommitNumber commit) {
  Position position = call.services.readings.head();
  position.commit = commit;
  return base::to_base64url(position.to_bytes());
}

boost::asio::awaitable<Result<std::vector<Gap>>> gaps_of(const Call& call, GapQuery query) {
  auto start = [&readings = call.services.readings, query = std::move(query)](auto done) {
    readings.gaps(query, done);
  };
  co_return co_await answer_of<Result<std::vector<Gap>>>(std::move(start));
}

wire::HttpResponse csv_answer(std::string body, const ReadingsHead& head, const Call& call) {
  auto response = text_answer(std::move(body), "text/csv; charset=utf-8; header=present");
  set_header(response, "Telemetry-Gaps", std::to_string(head.gaps.size()));
  if (!head.next_cursor.empty()) {
    std::string target = call.request.target;
    const std::size_t old = target.find("&cursor=");
    if (old != std::string::npos) target.erase(old, target.find('&', old + 1) - old);
    set_header(response, "Link", "<" + target + "&cursor=" + head.next_cursor + ">; rel=\"next\"");
  }
  return response;
}

}  // namespace

boost::asio::awaitable<Answer> list_series(Call& call) {
  const auto records = call.services.devices.series_of(call.device->id);
  std::vector<SeriesId> ids;
  for (const auto& record : records) ids.push_back(record.id);
  auto start = [&readings = call.services.readings, ids](auto done) { readings.latest(ids, done); };
  const auto latest = co_await answer_of<Result<std::vector<LatestReading>>>(std::move(start));
  if (!latest) co_return storage_problem(latest.error());
  std::unordered_map<std::uint32_t, const LatestReading*> by_series;
  for (const auto& reading : *latest) by_series[raw(reading.series)] = &reading;
  json::array series;
  for (const auto& record : records) {
    json::object out;
    out["id"] = raw(record.id);
    out["name"] = record.name;
    out["unit"] = record.unit;
    out["type"] = to_string(record.type);
    out["interval_ms"] = record.interval_ms;
    out["revision"] = record.revision;
    const auto found = by_series.find(raw(record.id));
    if (found == by_series.end()) {
      out["latest"] = nullptr;
    } else {
      json::object reading;
      reading["time"] = found->second->time_us;
      reading["value"] = to_json(found->second->value);
      out["latest"] = std::move(reading);
    }
    series.push_back(std::move(out));
  }
  json::object body;
  body["series"] = std::move(series);
  co_return json_answer(body);
}

boost::asio::awaitable<Answer> get_readings(Call& call) {
  const auto revisions = call.services.devices.revisions_of(call.device->id, call.path["series"]);
  if (revisions.empty()) {
    co_return Problem{errc::not_found, "device " + call.device->name + " has no series " + call.path["series"], ""};
  }
  QueryReader query(call.target);
  const Range range = read_range(query, call);
  const auto width = query.optional_integer("width", 1, 20'000);
  const auto limit = query.optional_integer("limit", 1, 100'000);
  const auto cursor = query.optional_bytes("cursor");
  const auto wished = query.optional_integer("revision", 1, UINT32_MAX);
  if (width && (limit || cursor)) query.refuse("width", "width takes no limit and no cursor: it answers in one page");
  if (auto problem = query.problem()) co_return *problem;

  // A series is one thing per revision: units and types are never mixed in one answer.
  const SeriesRecord* series = &revisions.back();
  if (wished) {
    series = nullptr;
    for (const auto& revision : revisions) {
      if (revision.revision == *wished) series = &revision;
    }
    if (series == nullptr) {
      co_return Problem{errc::not_found, "the series has no revision " + std::to_string(*wished), "/revision"};
    }
  }
  ReadingsHead head{call.device->id.str(), *series, revisions.size(), range.from_us, range.to_us, {}, {}, {}};
  GapQuery about{call.device->id, {series->id}, range.from_us, range.to_us};
  auto gaps = co_await gaps_of(call, std::move(about));
  if (!gaps) co_return storage_problem(gaps.error());
  head.gaps = std::move(*gaps);
  const bool csv = prefers_csv(call.request.header("Accept"));
  ReadingsStore& readings = call.services.readings;

  if (width) {
    const BucketQuery wish{series->id, range.from_us, range.to_us, static_cast<std::uint32_t>(*width)};
    auto start = [&readings, wish](auto done) { readings.query_buckets(wish, done); };
    const auto buckets = co_await answer_of<Result<Buckets>>(std::move(start));
    if (!buckets) co_return storage_problem(buckets.error());
    if (csv) co_return csv_answer(buckets_csv(wish, *buckets), head, call);
    head.as_of = position_text(call, buckets->as_of);
    co_return text_answer(buckets_json(head, wish, *buckets), "application/json");
  }
  const RawQuery wish{series->id, range.from_us, range.to_us, static_cast<std::uint32_t>(limit.value_or(10'000)),
                      cursor};
  auto start = [&readings, wish](auto done) { readings.query_raw(wish, done); };
  const auto page = co_await answer_of<Result<RawPage>>(std::move(start));
  if (!page) co_return storage_problem(page.error());
  if (page->next) head.next_cursor = base::to_base64url(*page->next);
  if (csv) co_return csv_answer(raw_csv(*page), head, call);
  head.as_of = position_text(call, page->as_of);
  co_return text_answer(raw_json(head, *page), "application/json");
}

boost::asio::awaitable<Answer> list_latest(Call& call) {
  QueryReader query(call.target);
  const auto devices = names_of(query, "device"), patterns = names_of(query, "series");
  if (auto problem = query.problem()) co_return *problem;
  auto records = call.services.devices.resolve(devices, patterns.empty() ? Names{"*"} : patterns);
  std::erase_if(records, [&](const SeriesRecord& record) { return !call.may_see(record.device); });
  if (records.size() > kMaxLatest) {
    co_return Problem{errc::too_large,
                      std::to_string(records.size()) + " series match; at most " + std::to_string(kMaxLatest) +
                          " are answered at once: name devices or patterns",
                      "/series"};
  }
  std::vector<SeriesId> ids;
  std::unordered_map<SeriesId, const SeriesRecord*> by_id;
  for (const auto& record : records) {
    ids.push_back(record.id);
    by_id[record.id] = &record;
  }
  auto start = [&readings = call.services.readings, ids](auto done) { readings.latest(ids, done); };
  const auto latest = co_await answer_of<Result<std::vector<LatestReading>>>(std::move(start));
  if (!latest) co_return storage_problem(latest.error());
  co_return text_answer(latest_json(*latest, by_id), "application/json");
}

boost::asio::awaitable<Answer> get_many_readings(Call& call) {
  QueryReader query(call.target);
  const Range range = read_range(query, call);
  const auto width = query.optional_integer("width", 1, 20'000);
  if (!width) query.refuse("width", "width is needed: how many buckets (1 to 20000)");
  const auto patterns = names_of(query, "series");
  if (auto problem = query.problem()) co_return *problem;
  ManyReadingsHead head;
  head.device = call.device->id.str();
  head.series = call.services.devices.resolve({head.device}, patterns.empty() ? Names{"*"} : patterns);
  if (head.series.size() > kMaxSeriesAtOnce ||
      head.series.size() * static_cast<std::size_t>(*width) > kMaxBucketsAtOnce) {
    co_return Problem{errc::too_large,
                      std::to_string(head.series.size()) + " series with " + std::to_string(*width) +
                          " buckets each; at most " + std::to_string(kMaxSeriesAtOnce) + " series and " +
                          std::to_string(kMaxBucketsAtOnce) + " buckets are answered at once",
                      "/series"};
  }
  GapQuery about{call.device->id, {}, range.from_us, range.to_us, {}};
  ManyBucketsQuery wish{{}, range.from_us, range.to_us, static_cast<std::uint32_t>(*width), {}};
  for (const auto& series : head.series) wish.series.push_back(series.id);
  about.series = wish.series;
  if (!head.series.empty()) {
    const auto gaps = co_await gaps_of(call, std::move(about));
    if (!gaps) co_return storage_problem(gaps.error());
    for (const Gap& gap : *gaps) {
      const auto series = call.services.devices.series(gap.series);
      head.gaps.emplace_back(gap, series ? series->name : std::string());
    }
  }
  auto start = [&readings = call.services.readings, wish](auto done) { readings.query_many_buckets(wish, done); };
  const auto buckets = co_await answer_of<Result<std::vector<Buckets>>>(std::move(start));
  if (!buckets) co_return storage_problem(buckets.error());
  head.as_of = position_text(call, buckets->empty() ? call.services.readings.head().commit : buckets->front().as_of);
  const BucketQuery each{SeriesId{}, range.from_us, range.to_us, static_cast<std::uint32_t>(*width), {}};
  co_return text_answer(many_buckets_json(head, each, *buckets), "application/json");
}

boost::asio::awaitable<Answer> list_gaps(Call& call) {
  QueryReader query(call.target);
  const Range range = read_range(query, call);
  if (auto problem = query.problem()) co_return *problem;
  GapQuery about{call.device->id, {}, range.from_us, range.to_us};
  const auto gaps = co_await gaps_of(call, std::move(about));
  if (!gaps) co_return storage_problem(gaps.error());
  std::string body = R"({"gaps":[)";
  bool first = true;
  for (const Gap& gap : *gaps) {
    if (!first) body += ',';
    first = false;
    const auto series = call.services.devices.series(gap.series);
    append_gap(body, gap, series ? series->name : std::string());
  }
  body += "]}";
  co_return text_answer(std::move(body), "application/json");
}

}  // namespace hub::web
