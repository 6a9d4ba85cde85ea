// Secrets: made, kept only as hashes, compared and wiped.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace hub {

/// Ours have 43 characters; longer ones are not worth a hash.
inline constexpr std::size_t kMaxTokenBytes = 128;

/// 32 random bytes as URL-safe base64: sign-in cookies, enrolment tokens, device tokens. Never begins with a dash: a
/// command line that carries one would take it for an option.
std::string make_token(base::Random& random);
/// `length` characters of an alphabet without look-alikes (no 0 O 1 I L U), uniformly chosen.
std::string make_code(std::size_t length, base::Random& random);
/// As typed: spaces and dashes taken out, letters in upper case.
std::string normalise_code(std::string_view typed);

/// SHA-256 in hex. What is kept of a token of 256 random bits needs no slow hash.
std::string sha256_hex(std::string_view secret);

/// Argon2id with 2 passes over 19 MiB; about 20 ms of a core. Nothing where the memory is not to be had.
std::optional<std::string> hash_password(const std::string& password);
bool verify_password(const std::string& password_hash, const std::string& password);
/// A hash of the same cost that no password fits; verified for names that are not there, so that timing tells nothing.
std::string make_unmatched_hash(base::Random& random);

/// Overwrites before the memory is given back.
void wipe(std::string& secret);

}  // namespace hub
