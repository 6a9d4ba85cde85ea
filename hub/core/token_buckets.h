// How often something may happen, by key.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <unordered_map>

namespace hub {

/// Token buckets by key. Holds at most `keys`; a new key past that pushes out the one used longest ago (which is the
/// likeliest to be full again, and a full bucket is as good as none). Not thread-safe.
class TokenBuckets {
 public:
  TokenBuckets(double size, double refill_us, std::size_t keys) : size_(size), refill_us_(refill_us), keys_(keys) {}
  /// Takes one token; false where there is none.
  bool take(const std::string& key, std::int64_t now_us);
  /// Puts one back, where the key is still known.
  void give_back(const std::string& key);
  std::size_t key_count() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    std::int64_t at_us;
    std::list<std::string>::iterator place;
  };
  const double size_, refill_us_;
  const std::size_t keys_;
  std::list<std::string> by_use_;  // last used first
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace hub
