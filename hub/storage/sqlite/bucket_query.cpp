#include <algorithm>
#include <array>
#include <span>

#include "hub/storage/sqlite/column_codec.h"
#include "hub/storage/sqlite/readings_query.h"
#include "hub/storage/sqlite/series_view.h"

namespace hub::sqlite {
namespace {

constexpr std::uint32_t kMaxWidth = 20'000;

__extension__ typedef __int128 Wide;  // products of times and widths need more than 64 bits

/// The bounds of buckets: i covers [from + floor(i·range/width), from + floor((i+1)·range/width)), in integers.
class BucketBounds {
 public:
  explicit BucketBounds(const BucketQuery& query)
      : from_(query.from_us), range_(Wide{query.to_us} - query.from_us), width_(query.width) {}

  std::uint32_t index_of(std::int64_t time_us) const {
    const Wide offset = Wide{time_us} - from_;
    return static_cast<std::uint32_t>(((offset + 1) * width_ - 1) / range_);
  }
  std::int64_t end_of(std::uint32_t index) const {
    return static_cast<std::int64_t>(from_ + (Wide{index} + 1) * range_ / width_);
  }

 private:
  Wide from_, range_, width_;
};

struct Bucket {
  std::uint64_t count = 0;
  double minimum = 0, maximum = 0;
  ExactSum sum;
  ReadingOrder first_order, last_order;
  Value first, last;

  void see_first(const ReadingOrder& order, Value value) {
    if (count == 0 || order < first_order) {
      first_order = order;
      first = std::move(value);
    }
  }
  void see_last(const ReadingOrder& order, Value value) {
    if (count == 0 || order > last_order) {
      last_order = order;
      last = std::move(value);
    }
  }
  void see_range(double low, double high) {
    minimum = count == 0 ? low : std::min(minimum, low);
    maximum = count == 0 ? high : std::max(maximum, high);
  }
};

class BucketFold {
 public:
  explicit BucketFold(const BucketQuery& query) : bounds_(query), buckets_(query.width) {}

  /// Whether the header can answer for all its readings.
  bool add_header(const ChunkHeader& header) {
    const std::uint32_t index = bounds_.index_of(header.first_us);
    if (bounds_.index_of(header.last_us) != index) return false;
    add_header(header, buckets_[index]);
    return true;
  }
  /// An hour of which the header is all there is: it counts where it begins, as a whole, so that no extreme is lost.
  void add_hour(const ChunkHeader& header, std::int64_t from_us) {
    add_header(header, buckets_[bounds_.index_of(std::max(header.first_us, from_us))]);
  }

  /// Those of a chunk within the query's range.
  void add(const ChunkHeader& header, const ChunkReadings& chunk, std::int64_t from_us, std::int64_t to_us) {
    const auto& times = chunk.times_us;
    const auto first = std::lower_bound(times.begin(), times.end(), from_us);
    const auto last = std::lower_bound(first, times.end(), to_us);
    type_ = header.type;
    for (auto begin = first; begin != last;) {
      const std::uint32_t index = bounds_.index_of(*begin);
      const std::int64_t end_us = bounds_.end_of(index);
      auto end = begin + 1;
      while (end != last && *end < end_us) ++end;
      add_to(buckets_[index], header, chunk, static_cast<std::size_t>(begin - times.begin()),
             static_cast<std::size_t>(end - times.begin()));
      begin = end;
    }
  }

  /// Readings in order, all within the query's range.
  void add(const MergedReadings& merged) {
    const auto readings = merged.readings();
    for (std::size_t begin = 0; begin < readings.size();) {
      const std::uint32_t index = bounds_.index_of(readings[begin].order.time_us);
      const std::int64_t end_us = bounds_.end_of(index);
      std::size_t end = begin + 1;
      while (end < readings.size() && readings[end].order.time_us < end_us) ++end;
      add_to(buckets_[index], merged, readings.subspan(begin, end - begin));
      begin = end;
    }
  }

  Buckets result() const {
    Buckets out;
    out.type = type_;
    const ValueType column_type = raw_type();
    out.first = out.last = make_column(column_type);
    for (std::uint32_t i = 0; i < buckets_.size(); ++i) {
      const Bucket& bucket = buckets_[i];
      if (bucket.count == 0) continue;
      out.index.push_back(i);
      out.count.push_back(static_cast<std::uint32_t>(std::min<std::uint64_t>(bucket.count, 0xffffffffu)));
      if (column_type == ValueType::number || column_type == ValueType::boolean) {
        out.minimum.push_back(bucket.minimum);
        out.maximum.push_back(bucket.maximum);
        out.sum.push_back(bucket.sum.value());
      }
      put(out.first, bucket.first);
      put(out.last, bucket.last);
    }
    return out;
  }

 private:
  void add_header(const ChunkHeader& header, Bucket& bucket) {
    bucket.see_first({header.first_us, header.seal, header.first_rank}, header.first);
    bucket.see_last({header.last_us, header.seal, header.last_rank}, header.last);
    bucket.see_range(header.minimum, header.maximum);
    bucket.sum.add(header.sum);
    bucket.count += header.count;
    type_ = header.type;
  }
  ValueType raw_type() const { return type_ == ValueType{} ? ValueType::number : type_; }

  void add_to(Bucket& bucket, const MergedReadings& merged, std::span<const MergedReadings::Reading> readings) {
    const auto value = [&](const MergedReadings::Reading& r) { return value_at(*merged.source(r).values, r.offset); };
    bucket.see_first(readings.front().order, value(readings.front()));
    bucket.see_last(readings.back().order, value(readings.back()));
    for (const auto& reading : readings) {
      const ValueColumn& values = *merged.source(reading).values;
      type_ = type_of(values);
      double number;
      if (const auto* numbers = std::get_if<std::vector<double>>(&values)) {
        number = (*numbers)[reading.offset];
      } else if (const auto* booleans = std::get_if<std::vector<std::uint8_t>>(&values)) {
        number = to_number((*booleans)[reading.offset]);
      } else {
        number = 0;
      }
      bucket.see_range(number, number);
      bucket.sum.add(number);
      ++bucket.count;
    }
  }

  /// Readings [begin, end) of the chunk, at least one.
  void add_to(Bucket& bucket, const ChunkHeader& header, const ChunkReadings& chunk, std::size_t begin,
              std::size_t end) {
    const auto order = [&](std::size_t i) { return ReadingOrder{chunk.times_us[i], header.seal, chunk.rank(i)}; };
    bucket.see_first(order(begin), value_at(chunk.values, begin));
    bucket.see_last(order(end - 1), value_at(chunk.values, end - 1));
    if (const auto* numbers = std::get_if<std::vector<double>>(&chunk.values)) {
      add_numbers(bucket, std::span(*numbers).subspan(begin, end - begin));
    } else if (const auto* booleans = std::get_if<std::vector<std::uint8_t>>(&chunk.values)) {
      add_numbers(bucket, std::span(*booleans).subspan(begin, end - begin));
    }
    bucket.count += end - begin;
  }
  /// Several at a time, since each extreme and each sum waits for the one before it.
  template <class T>
  static void add_numbers(Bucket& bucket, std::span<const T> values) {
    constexpr std::size_t kLanes = 4;
    std::array<double, kLanes> low, high;
    std::array<ExactSum, kLanes> sums;
    low.fill(to_number(values.front()));
    high = low;
    std::size_t i = 0;
    for (; i + kLanes <= values.size(); i += kLanes) {
#pragma GCC unroll 4
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double number = to_number(values[i + lane]);
        low[lane] = std::min(low[lane], number);
        high[lane] = std::max(high[lane], number);
        sums[lane].add(number);
      }
    }
    for (; i < values.size(); ++i) {
      const double number = to_number(values[i]);
      low[0] = std::min(low[0], number);
      high[0] = std::max(high[0], number);
      sums[0].add(number);
    }
    bucket.see_range(*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end()));
    for (const auto& sum : sums) bucket.sum.add(sum);
  }

  static void put(ValueColumn& column, const Value& value) {
    switch (value.index()) {
      case 0:
        return std::get<0>(column).push_back(std::get<double>(value));
      case 1:
        return std::get<1>(column).push_back(std::get<bool>(value) ? 1 : 0);
      case 2:
        return std::get<2>(column).push_back(std::get<std::string>(value));
      default:
        return std::get<3>(column).push_back(std::get<Location>(value));
    }
  }

  BucketBounds bounds_;
  ValueType type_{};
  std::vector<Bucket> buckets_;
};

Result<Buckets> answer(SeriesView& view, const BucketQuery& query, const QueryLimit& limit) {
  BucketFold fold(query);
  auto days = view.sealed_days();
  if (!days) return days.error();
  for (const std::int64_t day : *days) {
    if (auto going = limit.check(); !going) return going.error();
    auto chunks = view.chunks(day);
    if (!chunks) return chunks.error();
    for (const auto& [header, table] : *chunks) {
      if (auto going = limit.check(); !going) return going.error();
      const bool inside = header.first_us >= query.from_us && header.last_us < query.to_us;
      if (inside && fold.add_header(header)) continue;
      auto decoded = table->readings(header);
      if (!decoded) return decoded.error();
      fold.add(header, *decoded, query.from_us, query.to_us);
    }
  }
  auto summarised = view.summarised_days();
  if (!summarised) return summarised.error();
  for (const ExpiredDay& day : *summarised) {
    if (auto going = limit.check(); !going) return going.error();
    auto hours = view.hours(day);
    if (!hours) return hours.error();
    for (const auto& header : *hours) fold.add_hour(header, query.from_us);
  }
  MergedReadings unsealed;
  for (const auto& run : view.runs()) {
    if (auto going = limit.check(); !going) return going.error();
    unsealed.add_run(run, query.from_us, query.to_us);
  }
  unsealed.sort();
  fold.add(unsealed);
  Buckets out = fold.result();
  out.as_of = view.as_of();
  return out;
}

}  // namespace

Result<Buckets> query_buckets(RecentReader& reader, const Tail& tail, const BucketQuery& query,
                              const QueryLimit& limit) {
  if (query.width == 0 || query.width > kMaxWidth || query.from_us >= query.to_us) return errc::invalid_argument;
  auto view = SeriesView::open(reader, tail, query.series, query.from_us, query.to_us);
  if (!view) return view.error();
  return answer(*view, query, limit);
}

Result<std::vector<Buckets>> query_many_buckets(RecentReader& reader, const Tail& tail, const ManyBucketsQuery& query,
                                                const QueryLimit& limit) {
  if (query.width == 0 || query.width > kMaxWidth || query.from_us >= query.to_us) return errc::invalid_argument;
  if (query.series.size() > kMaxSeriesAtOnce || query.series.size() * query.width > kMaxBucketsAtOnce)
    return errc::too_large;
  auto views = SeriesView::open(reader, tail, query.series, query.from_us, query.to_us);
  if (!views) return views.error();
  std::vector<Buckets> answers;
  answers.reserve(views->size());
  for (std::size_t i = 0; i < views->size(); ++i) {
    const BucketQuery one{query.series[i], query.from_us, query.to_us, query.width, {}};
    auto buckets = answer((*views)[i], one, limit);
    if (!buckets) return buckets.error();
    answers.push_back(std::move(*buckets));
  }
  return answers;
}

}  // namespace hub::sqlite
