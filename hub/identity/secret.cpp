#include "hub/identity/secret.h"

#include <sodium.h>

#include <array>
#include <cctype>

#include "base/bytes.h"

namespace hub {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemoryBytes = 19 * 1024 * 1024;
// 30 characters: a code of 12 has 58 bits.
constexpr std::string_view kAlphabet = "23456789ABCDEFGHJKMNPQRSTVWXYZ";

std::string random_bytes(std::size_t count, base::Random& random) {
  std::string bytes(count, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

std::string to_base64_standard(const std::string& bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    kVariant);
  text.resize(text.find('\0'));
  return text;
}

}  // namespace

std::string make_token(base::Random& random) {
  std::string token;
  do {
    auto bytes = random_bytes(32, random);
    token = base::to_base64url(bytes);
    wipe(bytes);
  } while (token.front() == '-');
  return token;
}

std::string make_code(std::size_t length, base::Random& random) {
  constexpr unsigned kFair = 256 / kAlphabet.size() * kAlphabet.size();
  std::string code;
  while (code.size() < length) {
    std::array<std::uint8_t, 1> byte{};
    random.fill(byte);
    if (byte[0] < kFair) code.push_back(kAlphabet[byte[0] % kAlphabet.size()]);
  }
  return code;
}

std::string normalise_code(std::string_view typed) {
  std::string code;
  for (const char c : typed) {
    if (c == ' ' || c == '-') continue;
    code.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return code;
}

std::string sha256_hex(std::string_view secret) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(secret.data()), secret.size());
  return base::to_hex(base::as_chars(hash));
}

std::optional<std::string> hash_password(const std::string& password) {
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str(text.data(), password.data(), password.size(), kPasses, kMemoryBytes) != 0) return std::nullopt;
  return std::string(text.data());
}

bool verify_password(const std::string& password_hash, const std::string& password) {
  return crypto_pwhash_str_verify(password_hash.c_str(), password.data(), password.size()) == 0;
}

std::string make_unmatched_hash(base::Random& random) {
  return "$argon2id$v=19$m=" + std::to_string(kMemoryBytes / 1024) + ",t=" + std::to_string(kPasses) + ",p=1$" +
         to_base64_standard(random_bytes(crypto_pwhash_SALTBYTES, random)) + "$" +
         to_base64_standard(random_bytes(32, random));
}

void wipe(std::string& secret) {
  sodium_memzero(secret.data(), secret.size());
  secret.clear();
}

}  // namespace hub
