#include <algorithm>

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

}  // namespace

Result<Buckets> query_buckets(RecentReader& reader, const Tail& tail, const BucketQuery& query) {
  if (query.width == 0 || query.width > kMaxWidth || query.from_us >= query.to_us) return errc::invalid_argument;
  auto view = SeriesView::open(reader, tail, query.series, query.from_us, query.to_us);
  if (!view) return view.error();
  BucketFold fold(query);
  auto days = view->sealed_days();
  if (!days) return days.error();
  for (const std::int64_t day : *days) {
    auto chunks = view->chunks(day);
    if (!chunks) return chunks.error();
    for (const auto& [header, table] : *chunks) {
      const bool inside = header.first_us >= query.from_us && header.last_us < query.to_us;
      if (inside && fold.add_header(header)) continue;
      auto decoded = table->readings(header);
      if (!decoded) return decoded.error();
      MergedReadings part;
      part.add_chunk(header, std::make_shared<const ChunkReadings>(std::move(*decoded)), query.from_us, query.to_us);
      fold.add(part);
    }
  }
  auto summarised = view->summarised_days();
  if (!summarised) return summarised.error();
  for (const ExpiredDay& day : *summarised) {
    auto hours = view->hours(day);
    if (!hours) return hours.error();
    for (const auto& header : *hours) fold.add_hour(header, query.from_us);
  }
  MergedReadings unsealed;
  for (const auto& run : view->runs()) unsealed.add_run(run, query.from_us, query.to_us);
  unsealed.sort();
  fold.add(unsealed);
  Buckets out = fold.result();
  out.as_of = view->as_of();
  return out;
}

}  // namespace hub::sqlite
