// Numbers in files, little endian, and what the system says when a file fails.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace agent {

inline base::error_code last_file_error() {
  return {errno, boost::system::system_category()};
}

template <class T>
void put_number(char* at, T value) {
  for (std::size_t i = 0; i < sizeof value; ++i) at[i] = static_cast<char>((value >> (8 * i)) & 0xff);
}

/// `bytes` has at least as many as a T.
template <class T>
T get_number(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<std::uint8_t>(bytes[i])) << (8 * i));
  return value;
}

}  // namespace agent
