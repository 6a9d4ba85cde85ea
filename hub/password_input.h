// Where the command line gets a password from: never from its arguments, which every user of the machine sees.
#pragma once

#include <string>

#include "hub/core/errc.h"

namespace hub {

/// The file's first line, or, without a file, a line of stdin: asked for, twice and without echo, where that is a
/// terminal.
Outcome<std::string> read_password(const std::string& file, const std::string& username);

}  // namespace hub
