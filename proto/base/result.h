// Result<T>: an expected failure is a value. Each module has one errc enum (see hub/core/errc.h for the hub's tables).
#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

namespace base {

using error_code = boost::system::error_code;

/// Holds a T or an error_code; `[[nodiscard]]` through boost::system::result. No prose inside: context is added where
/// handled.
template <class T>
using Result = boost::system::result<T>;

}  // namespace base
