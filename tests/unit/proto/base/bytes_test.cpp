#include "base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace base {
namespace {

RC_GTEST_PROP(Bytes, any_bytes_survive_hex_and_base64, (std::string bytes)) {
  RC_ASSERT(from_hex(to_hex(bytes)) == bytes);
  RC_ASSERT(from_base64url(to_base64url(bytes)) == bytes);
}

TEST(Bytes, hex_is_lower_case_and_read_in_either) {
  EXPECT_EQ(to_hex(std::string_view("\x00\xab\xff", 3)), "00abff");
  EXPECT_EQ(from_hex("00ABff"), std::string("\x00\xab\xff", 3));
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_hex("zz"));
}

TEST(Bytes, base64_is_url_safe_without_padding) {
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(to_base64url("hello"), "aGVsbG8");
  EXPECT_FALSE(from_base64url("aGVsbG8="));
  EXPECT_FALSE(from_base64url("a+b/"));
  EXPECT_FALSE(from_base64url("aaaaa"));
}

TEST(Bytes, crc32_is_the_usual_one_and_continues) {
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32("6789", crc32("12345")), 0xcbf43926u);
  EXPECT_EQ(crc32(""), 0u);
}

TEST(Bytes, constant_time_equality_is_equality) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secret2"));
}

TEST(Bytes, an_id_is_sixteen_bytes) {
  EXPECT_FALSE(to_id128(std::string(15, 'x')));
  EXPECT_FALSE(to_id128(std::string(17, 'x')));
  const auto id = to_id128("0123456789abcdef");
  ASSERT_TRUE(id);
  EXPECT_EQ((*id)[0], '0');
  EXPECT_EQ(as_chars(*id), "0123456789abcdef");
}

}  // namespace
}  // namespace base
