// The JSON columns of hub.db: tags, attributes, declared commands, a rule's devices.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/storage/device_store.h"

namespace hub::sqlite {

std::string to_json_text(const std::map<std::string, std::string>& texts);
std::string to_json_text(const std::vector<std::string>& texts);
std::string to_json_text(const std::vector<CommandDescription>& commands);

/// False where `text` is not what to_json_text made.
[[nodiscard]] bool from_json_text(std::string_view text, std::map<std::string, std::string>& texts);
[[nodiscard]] bool from_json_text(std::string_view text, std::vector<std::string>& texts);
[[nodiscard]] bool from_json_text(std::string_view text, std::vector<CommandDescription>& commands);

}  // namespace hub::sqlite
