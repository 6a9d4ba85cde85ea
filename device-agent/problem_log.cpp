#include "device-agent/problem_log.h"

namespace agent {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

}  // namespace

void ProblemLog::note(const std::vector<std::string>& problems, std::int64_t boot_us) {
  for (const auto& problem : problems) {
    auto [it, is_new] = told_.try_emplace(problem.substr(0, problem.find(": ")));
    Told& told = it->second;
    told.seen_us = boot_us;
    if (!is_new && (told.text == problem || boot_us - told.told_us < kMinuteUs)) continue;
    told.text = problem;
    told.told_us = boot_us;
    log_->warn("{}", problem);
  }
  std::erase_if(told_, [&](const auto& entry) {
    const bool is_over = boot_us - entry.second.seen_us > kMinuteUs;
    if (is_over) log_->info("{}: works again", entry.first);
    return is_over;
  });
}

}  // namespace agent
