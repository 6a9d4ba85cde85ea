#include "hub/core/token_buckets.h"

#include <algorithm>

namespace hub {

bool TokenBuckets::take(const std::string& key, std::int64_t now_us) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= keys_) {
      buckets_.erase(by_use_.back());
      by_use_.pop_back();
    }
    by_use_.push_front(key);
    found = buckets_.emplace(key, Bucket{size_, now_us, by_use_.begin()}).first;
  }
  auto& bucket = found->second;
  by_use_.splice(by_use_.begin(), by_use_, bucket.place);
  const auto passed_us = static_cast<double>(std::max<std::int64_t>(0, now_us - bucket.at_us));
  bucket.tokens = std::min(size_, bucket.tokens + passed_us / refill_us_);
  bucket.at_us = now_us;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

void TokenBuckets::give_back(const std::string& key) {
  const auto found = buckets_.find(key);
  if (found != buckets_.end()) found->second.tokens = std::min(size_, found->second.tokens + 1);
}

}  // namespace hub
