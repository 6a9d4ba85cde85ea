#include "hub/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

Environment environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

std::vector<std::string> read(std::string_view text, Settings& settings,
                              const std::map<std::string, std::string>& variables = {}) {
  return read_config_text(text, "hub.toml", environment_of(variables), settings);
}

/// The one mistake in `text`.
std::string mistake(std::string_view text, const std::map<std::string, std::string>& variables = {}) {
  Settings settings;
  const auto mistakes = read(text, settings, variables);
  return mistakes.size() == 1 ? mistakes.front() : std::to_string(mistakes.size()) + " mistakes";
}

TEST(ConfigFile, every_setting_is_read) {
  std::string text, section;
  for (const auto& key : setting_keys()) {
    const auto dot = key.name.find('.');
    const std::string its_section(key.name.substr(0, dot == std::string_view::npos ? 0 : dot));
    if (its_section != section) text += "[" + its_section + "]\n";
    section = its_section;
    const std::string name(dot == std::string_view::npos ? key.name : key.name.substr(dot + 1));
    if (key.is_number()) {
      text += name + " = " + std::to_string(key.most) + "\n";
    } else {
      const std::string last(
          key.choices.substr(key.choices.rfind(' ') == std::string_view::npos ? 0 : key.choices.rfind(' ') + 1));
      text += name + " = \"" + (last.empty() ? "text" : last) + "\"\n";
    }
  }
  Settings settings;
  EXPECT_THAT(read(text, settings), IsEmpty()) << text;
  for (const auto& key : setting_keys()) {
    if (!key.is_number()) continue;
    EXPECT_EQ(settings.*std::get<0>(key.field), key.most) << key.name;
  }
  EXPECT_EQ(settings.log_format, "json");
  EXPECT_EQ(settings.data_dir, "text");
}

TEST(ConfigFile, defaults_are_within_their_own_limits) {
  const Settings defaults;
  for (const auto& key : setting_keys()) {
    Settings scratch;
    if (key.is_number()) {
      EXPECT_FALSE(set(scratch, key, defaults.*std::get<0>(key.field))) << key.name;
    } else {
      EXPECT_FALSE(set(scratch, key, defaults.*std::get<1>(key.field))) << key.name;
    }
    EXPECT_FALSE(key.meaning.empty()) << key.name;
  }
}

TEST(ConfigFile, each_kind_of_mistake_names_file_line_key_and_what_is_allowed) {
  EXPECT_THAT(mistake("\nprot = 1\n"), HasSubstr("hub.toml:2: prot: unknown key; allowed here: port, bind"));
  EXPECT_THAT(mistake("[log]\nlevle = \"info\"\n"),
              HasSubstr("hub.toml:2: log.levle: unknown key; allowed in [log]: level, format"));
  EXPECT_THAT(mistake("\n[lgo]\nlevel = \"info\"\n"),
              HasSubstr("hub.toml:2: lgo: is no section of this file; sections: [log], [storage]"));
  EXPECT_THAT(mistake("port = \"many\"\n"),
              HasSubstr("hub.toml:1: port: \"many\" is a text; must be a whole number from 0 to 65535"));
  EXPECT_THAT(mistake("port = \"8443\"\n"), HasSubstr("hub.toml:1: port"));
  EXPECT_THAT(mistake("port = 70000\n"),
              HasSubstr("hub.toml:1: port: 70000 is out of range; must be a whole number from 0 to 65535"));
  EXPECT_THAT(mistake("port = 1.5\n"), HasSubstr("hub.toml:1: port: must be a whole number"));
  EXPECT_THAT(mistake("bind = 4\n"), HasSubstr("hub.toml:1: bind: must be a text"));
  EXPECT_THAT(mistake("bind = [\"::\"]\n"), HasSubstr("hub.toml:1: bind: must be a text"));
  EXPECT_THAT(mistake("[log]\nlevel = \"loud\"\n"),
              HasSubstr("hub.toml:2: log.level: \"loud\" is not known; must be one of debug, info, warning, error"));
  EXPECT_THAT(mistake("[log]\nlevel = \"debug, info\"\n"), HasSubstr("is not known"));
  EXPECT_THAT(mistake("[log]\nlevel = \"\"\n"), HasSubstr("is not known"));
  EXPECT_THAT(mistake("[port]\nx = 1\n"), HasSubstr("hub.toml:1: port"));
  EXPECT_THAT(mistake("log = \"info\"\n"), HasSubstr("hub.toml:1: log: unknown key"));
  EXPECT_THAT(mistake("a = 1\n\nport = \n"), HasSubstr("hub.toml:3: not TOML"));
}

TEST(ConfigFile, groups_have_a_retention_of_their_own) {
  Settings settings;
  EXPECT_THAT(read("[storage]\nretention_days = 90\n[storage.group.lab]\nretention_days = 7\nretention_gb = 2\n"
                   "[storage.group.meters]\nsummary_days = 0\n",
                   settings),
              IsEmpty());
  EXPECT_EQ(settings.storage_retention_days, 90);
  ASSERT_EQ(settings.storage_groups.size(), 2u);
  EXPECT_EQ(settings.storage_groups["lab"].days, 7);
  EXPECT_EQ(settings.storage_groups["lab"].gb, 2);
  EXPECT_EQ(settings.storage_groups["lab"].summary_days, std::nullopt);
  EXPECT_EQ(settings.storage_groups["meters"].days, std::nullopt);
  EXPECT_EQ(settings.storage_groups["meters"].summary_days, 0);
}

TEST(ConfigFile, mistakes_in_a_group_are_named) {
  EXPECT_THAT(mistake("[storage.group.Lab]\nretention_days = 7\n"),
              HasSubstr("hub.toml:1: storage.group.Lab: is no name"));
  EXPECT_THAT(mistake("[storage.group.default]\n"), HasSubstr("storage.group.default: is what [storage] says"));
  EXPECT_THAT(mistake("[storage.group.lab]\nretention_days = 40000\n"),
              HasSubstr("hub.toml:2: storage.group.lab.retention_days: 40000 is out of range; must be a whole number"));
  EXPECT_THAT(mistake("[storage.group.lab]\nretention_days = \"7\"\n"), HasSubstr("must be a whole number"));
  EXPECT_THAT(mistake("[storage.group.lab]\nreaders = 7\n"),
              HasSubstr("storage.group.lab.readers: unknown key; allowed for a group: retention_days, retention_gb"));
  EXPECT_THAT(mistake("[storage]\ngroup = 1\n"), HasSubstr("hub.toml:2: storage.group"));
  EXPECT_THAT(mistake("[storage.group]\nlab = 1\n"), HasSubstr("storage.group.lab: must be a section"));
  std::string many;
  for (std::size_t i = 0; i <= kMaxRetentionGroups; ++i)
    many += "[storage.group.g" + std::to_string(i) + "]\nretention_days = 1\n";
  EXPECT_THAT(mistake(many), HasSubstr("is one too many; at most 16 groups"));
}

TEST(ConfigFile, all_mistakes_are_told_at_once) {
  Settings settings;
  EXPECT_THAT(read("prot = 1\n[log]\nlevel = 3\nformat = \"xml\"\n", settings), SizeIs(3));
}

TEST(ConfigFile, the_environment_stands_in_for_texts_and_numbers) {
  Settings settings;
  EXPECT_THAT(read("port = \"${PORT}\"\ndata_dir = \"${HOME}/hub-${X}\"\n", settings,
                   {{"PORT", "9000"}, {"HOME", "/home/a"}, {"X", "1"}}),
              IsEmpty());
  EXPECT_EQ(settings.port, 9000);
  EXPECT_EQ(settings.data_dir, "/home/a/hub-1");
  EXPECT_THAT(mistake("data_dir = \"${NOWHERE}\"\n"),
              HasSubstr("hub.toml:1: data_dir: the environment variable NOWHERE is not set"));
  EXPECT_THAT(mistake("data_dir = \"${HOME\"\n"), HasSubstr("hub.toml:1: data_dir: ${ must be closed"));
  EXPECT_THAT(mistake("port = \"${PORT}\"\n", {{"PORT", "x"}}), HasSubstr("hub.toml:1: port: \"x\" is no number"));
}

TEST(ConfigFile, a_file_that_is_not_there_is_named) {
  Settings settings;
  EXPECT_THAT(read_config_file("/nonexistent/hub.toml", environment_of({}), settings),
              ElementsAre("/nonexistent/hub.toml: cannot be read"));
}

TEST(ConfigFile, environment_variables_are_settings_too) {
  Settings settings;
  EXPECT_THAT(
      read_environment(environment_of({{"TELEMETRY_HUB_PORT", "1"}, {"TELEMETRY_HUB_LOG_LEVEL", "debug"}}), settings),
      IsEmpty());
  EXPECT_EQ(settings.port, 1);
  EXPECT_EQ(settings.log_level, "debug");
  EXPECT_THAT(read_environment(environment_of({{"TELEMETRY_HUB_PORT", "x"}}), settings),
              ElementsAre(HasSubstr("TELEMETRY_HUB_PORT: \"x\" is no number; must be a whole number from 0 to 65535")));
}

}  // namespace
}  // namespace hub
