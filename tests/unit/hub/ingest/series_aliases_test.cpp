#include "hub/ingest/series_aliases.h"

#include <gtest/gtest.h>

namespace hub {
namespace {

using telemetry::v1::SeriesDefinition;
using Definitions = google::protobuf::RepeatedPtrField<SeriesDefinition>;

SeriesDefinition definition(std::uint32_t alias, const std::string& name, int type = 1,
                            const std::string& unit = "Cel") {
  SeriesDefinition d;
  d.set_alias(alias);
  d.set_name(name);
  d.set_unit(unit);
  d.set_type(static_cast<telemetry::v1::ValueType>(type));
  return d;
}

Definitions list(std::initializer_list<SeriesDefinition> all) {
  Definitions out;
  for (const auto& d : all) *out.Add() = d;
  return out;
}

TEST(SeriesAliases, selects_what_is_new_and_knows_it_afterwards) {
  SeriesAliases aliases;
  auto fresh = aliases.select_new(list({definition(1, "a"), definition(2, "b", 2), definition(1, "a")}));
  ASSERT_TRUE(fresh);
  ASSERT_EQ(fresh->size(), 2u);
  aliases.add((*fresh)[0], SeriesId{10});
  aliases.add((*fresh)[1], SeriesId{11});
  EXPECT_EQ(raw(aliases.find(1)->id), 10u);
  EXPECT_EQ(aliases.find(2)->type, ValueType::boolean);
  EXPECT_EQ(aliases.find(3), nullptr);
  EXPECT_TRUE(aliases.select_new(list({definition(1, "a")}))->empty());
}

TEST(SeriesAliases, names_the_alias_and_the_fault) {
  SeriesAliases aliases;
  aliases.add(definition(1, "a"), SeriesId{10});
  const struct {
    SeriesDefinition bad;
    const char* words;
  } cases[] = {
      {definition(0, "x"), "alias 0"},
      {definition(0x80000000u, "x"), "2147483647"},
      {definition(2, ""), "series name"},
      {definition(2, "sp ace"), "series name"},
      {definition(2, std::string(129, 'x')), "series name"},
      {definition(2, "x", 0), "type 0"},
      {definition(2, "x", 9), "type 9"},
      {definition(2, "x", 1, std::string(33, 'u')), "unit"},
      {definition(1, "other"), "already means \"a\""},
      {definition(1, "a", 2), "already means"},
      {definition(1, "a", 1, "K"), "already means"},
  };
  for (const auto& c : cases) {
    auto result = aliases.select_new(list({c.bad}));
    ASSERT_FALSE(result) << c.words;
    EXPECT_EQ(result.error().code, errc::refused_frame);
    EXPECT_NE(result.error().detail.find(c.words), std::string::npos) << result.error().detail;
  }
  EXPECT_FALSE(aliases.select_new(list({definition(5, "x"), definition(5, "y")})));
}

TEST(SeriesAliases, holds_at_most_its_capacity) {
  SeriesAliases aliases;
  for (std::uint32_t i = 1; i <= SeriesAliases::kCapacity; ++i) {
    aliases.add(definition(i, "s" + std::to_string(i)), SeriesId{i});
  }
  EXPECT_FALSE(aliases.select_new(list({definition(SeriesAliases::kCapacity + 1, "one.more")})));
}

}  // namespace
}  // namespace hub
