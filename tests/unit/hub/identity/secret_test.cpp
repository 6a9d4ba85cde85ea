#include "hub/identity/secret.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <set>

#include "base/bytes.h"

namespace hub {
namespace {

TEST(Secret, password_fits_its_own_hash_only) {
  const auto hash = hash_password("correct horse");
  ASSERT_TRUE(hash);
  EXPECT_EQ(hash->find("$argon2id$v=19$m=19456,t=2,p=1$"), 0u);
  EXPECT_TRUE(verify_password(*hash, "correct horse"));
  EXPECT_FALSE(verify_password(*hash, "correct horsf"));
  EXPECT_FALSE(verify_password(*hash, ""));
  EXPECT_FALSE(verify_password("not a hash", "correct horse"));
  EXPECT_NE(hash_password("correct horse"), hash);  // salted
}

TEST(Secret, unmatched_hash_costs_what_a_real_one_costs_and_fits_nothing) {
  base::SeededRandom random(1);
  const auto hash = make_unmatched_hash(random);
  EXPECT_EQ(crypto_pwhash_str_needs_rehash(hash.c_str(), 2, 19 * 1024 * 1024), 0) << hash;
  EXPECT_FALSE(verify_password(hash, ""));
  EXPECT_FALSE(verify_password(hash, "password"));
}

TEST(Secret, hash_of_a_token_is_sha_256) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Secret, tokens_are_256_bits_and_differ) {
  base::SeededRandom random(1);
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) tokens.insert(make_token(random));
  EXPECT_EQ(tokens.size(), 100u);
  EXPECT_EQ(base::from_base64url(*tokens.begin())->size(), 32u);
}

TEST(Secret, no_token_looks_like_an_option) {
  base::SeededRandom random(1);
  for (int i = 0; i < 2'000; ++i) ASSERT_NE(make_token(random).front(), '-');  // 1 in 64 would
}

TEST(Secret, codes_have_no_look_alikes_and_may_be_typed_loosely) {
  base::SeededRandom random(1);
  const auto code = make_code(500, random);
  EXPECT_EQ(code.size(), 500u);
  EXPECT_EQ(code.find_first_of("01OILUo"), std::string::npos);
  EXPECT_EQ(normalise_code(" abcd-efgh 2345 "), "ABCDEFGH2345");
}

}  // namespace
}  // namespace hub
