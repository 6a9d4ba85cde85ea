#include "device-agent/commands/command_arguments.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace agent {
namespace {

namespace json = boost::json;

const char* const kSchema =
    R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{)"
    R"("name":{"type":"string","maxLength":40},"seconds":{"type":"integer","minimum":1,"maximum":60,"default":5}}})";

json::object read(const std::string& text) {
  json::object out;
  EXPECT_EQ(read_arguments(kSchema, text, out).value_or(""), "");
  return out;
}
std::string problem_of(const std::string& text) {
  json::object out;
  return read_arguments(kSchema, text, out).value_or("");
}
std::vector<std::string> fill(const std::vector<std::string>& run, const json::object& arguments,
                              bool allow_dash = false) {
  std::vector<std::string> argv;
  EXPECT_EQ(fill_template(run, allow_dash, arguments, argv).value_or(""), "");
  return argv;
}

TEST(CommandArguments, what_is_not_said_has_its_default) {
  EXPECT_EQ(read(R"({"name":"a"})").at("seconds").as_int64(), 5);
  EXPECT_EQ(read(R"({"name":"a","seconds":7})").at("seconds").as_int64(), 7);
}

TEST(CommandArguments, what_does_not_fit_the_devices_own_schema_is_refused) {
  for (const char* text : {R"({})", R"({"name":1})", R"({"name":"a","seconds":61})", R"({"name":"a","extra":1})", "[]",
                           "{", "null", R"({"name":"a"}x)"}) {
    EXPECT_NE(problem_of(text), "") << text;
  }
  EXPECT_NE(problem_of(std::string(100'000, '[')), "");
  EXPECT_NE(problem_of(R"({"name":)" + std::string(4'000, '[') + std::string(4'000, ']') + "}"), "")
      << "nested too deep";
  EXPECT_EQ(problem_of(R"({"name":")" + std::string(9'000, 'x') + "\"}"), "the arguments are longer than 8 KiB");
}

TEST(CommandArguments, a_value_is_one_argument_whatever_it_holds) {
  for (const char* hostile : {"a b", "; reboot", "$(reboot)", "`reboot`", "a\nb", "'\"", "{name}", "*", ""}) {
    EXPECT_EQ(fill({"/bin/x", "--name={name}", "{name}"}, {{"name", hostile}}),
              (std::vector<std::string>{"/bin/x", std::string("--name=") + hostile, hostile}));
  }
  EXPECT_EQ(fill({"/bin/x", "{a}:{b}", "{{a}}"}, {{"a", 1.5}, {"b", true}}),
            (std::vector<std::string>{"/bin/x", "1.5:true", "{a}"}));
}

TEST(CommandArguments, a_value_cannot_become_an_option_unless_the_command_says_so) {
  std::vector<std::string> argv;
  const json::object dash{{"name", "-rf"}}, number{{"name", -5}};
  EXPECT_NE(fill_template({"/bin/rm", "{name}"}, false, dash, argv).value_or(""), "");
  EXPECT_NE(fill_template({"/bin/rm", "--", "{name}"}, false, number, argv).value_or(""), "");
  EXPECT_EQ(fill({"/bin/rm", "{name}"}, dash, true).back(), "-rf");
  EXPECT_EQ(fill({"/bin/rm", "-{name}"}, number).back(), "--5") << "the template begins with a dash itself";
  EXPECT_EQ(fill({"/bin/rm", "file{name}"}, dash).back(), "file-rf");
}

TEST(CommandArguments, zero_bytes_missing_values_and_programs_made_of_arguments_are_refused) {
  std::vector<std::string> argv;
  EXPECT_TRUE(fill_template({"/bin/x", "{name}"}, true, {{"name", std::string("a\0b", 3)}}, argv));
  EXPECT_TRUE(fill_template({"/bin/x", "{name}"}, true, {}, argv));
  EXPECT_TRUE(fill_template({"{name}"}, true, {{"name", "/bin/sh"}}, argv));
  EXPECT_TRUE(fill_template({"/bin/x", "{name"}, true, {{"name", "a"}}, argv));
}

TEST(CommandArguments, placeholders_are_listed_and_certain_where_required_or_with_a_default) {
  EXPECT_EQ(placeholders_of({"/bin/x", "{a}-{b}", "{{c}}"}).value(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(placeholders_of({"{a"}));
  EXPECT_FALSE(placeholders_of({"{}"}));
  const auto schema = json::parse(kSchema).as_object();
  EXPECT_TRUE(is_certain(schema, "name"));
  EXPECT_TRUE(is_certain(schema, "seconds"));
  EXPECT_FALSE(is_certain(schema, "other"));
}

}  // namespace
}  // namespace agent
