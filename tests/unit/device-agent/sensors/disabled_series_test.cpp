#include "device-agent/sensors/disabled_series.h"

#include <gtest/gtest.h>

namespace agent {
namespace {

TEST(DisabledSeries, a_star_at_the_end_is_anything) {
  EXPECT_TRUE(is_disabled_series("net.docker0.sent", {"net.docker0.*"}));
  EXPECT_TRUE(is_disabled_series("net.docker0.sent", {"x", "net.docker0.sent"}));
  EXPECT_TRUE(is_disabled_series("anything", {"*"}));
  EXPECT_FALSE(is_disabled_series("net.docker1.sent", {"net.docker0.*"}));
  EXPECT_FALSE(is_disabled_series("net", {"net.*", ""}));
  EXPECT_FALSE(is_disabled_series("net.docker0.sent", {"net.docker0"}));
}

}  // namespace
}  // namespace agent
