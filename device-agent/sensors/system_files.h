// Reading /proc and /sys below a root that tests replace.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent {

/// The first 64 KiB of a file, or nothing.
std::optional<std::string> read_file(const std::string& path);
std::optional<double> read_number(const std::string& path);
/// Without the newline at its end.
std::optional<std::string> read_line(const std::string& path);
/// Names in a folder, sorted; hidden ones left out.
std::vector<std::string> list_folder(const std::string& path);
std::vector<std::string_view> split_words(std::string_view text);
/// A whole word as a number, or nothing.
std::optional<double> to_number(std::string_view word);
/// Made fit for a series name: anything else becomes '_'.
std::string name_part(std::string_view text);

}  // namespace agent
