#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "cli/completion.h"
#include "cli/man_page.h"

namespace cli {
namespace {

struct Program {
  CLI::App app{"Measures 'things'. And [more]."};
  std::string text, level, page;
  bool json = false;

  Program() {
    app.footer("Examples:\n  thing run --level low\n\nExit codes: 0 ok.");
    auto* run = app.add_subcommand("run", "Run it");
    run->add_option("--config,-c", text, ".starts with a dot\\")->type_name("FILE")->envname("THING_CONFIG");
    run->add_option("--state-dir", text, "where")->type_name("DIR");
    run->add_option("--level", level, "how much")->check(CLI::IsMember({"low", "high"}));
    run->add_flag("--json", json, "in JSON");
    auto* list = app.add_subcommand("list", "List");
    list->add_subcommand("all", "All of them");
    list->add_option("PAGE", page, "which")->check(CLI::IsMember({"one", "two"}))->required();
    app.add_subcommand("secret", "Not for people")->group("");
  }
  CommandText described() const { return describe(app, "thing"); }
};

TEST(CommandTree, holds_what_help_says_and_leaves_out_what_it_hides) {
  const Program program;
  const auto tree = program.described();
  std::vector<std::string> paths;
  for (const auto* command : flatten(tree)) paths.push_back(joined(command->path, " "));
  EXPECT_EQ(paths, (std::vector<std::string>{"thing", "thing run", "thing list", "thing list all"}));
  const auto& run = tree.commands.at(0);
  ASSERT_EQ(run.options.size(), 5u);
  EXPECT_EQ(run.options[1].names, (std::vector<std::string>{"--config", "-c"}));
  EXPECT_TRUE(run.options[1].is_file());
  EXPECT_EQ(run.options[1].environment, "THING_CONFIG");
  EXPECT_TRUE(run.options[2].is_folder());
  EXPECT_EQ(run.options[3].choices, (std::vector<std::string>{"low", "high"}));
  EXPECT_EQ(run.options[4].value, "");
  const auto& page = tree.commands.at(1).options.at(1);
  EXPECT_TRUE(page.is_positional && page.is_required);
  EXPECT_EQ(page.choices, (std::vector<std::string>{"one", "two"}));
}

TEST(ManPage, has_every_command_and_option_and_nothing_that_roff_would_read) {
  const Program program;
  const std::string page = man_page(program.described(), "thing 1.0", {{"FILES", "/etc/thing\n\n  literal\n\n  more"}});
  EXPECT_NE(page.find(".TH \"THING\" 1 \"\" \"thing 1.0\"\n"), std::string::npos);
  for (const char* name : {"\\-\\-config", "\\-c", "\\-\\-state\\-dir", "\\-\\-level", "\\-\\-json", "PAGE"}) {
    EXPECT_NE(page.find("\\fB" + std::string(name) + "\\fR"), std::string::npos) << name;
  }
  EXPECT_NE(page.find(".SS \"list all\""), std::string::npos);
  EXPECT_NE(page.find("\n\\&.starts with a dot\\e"), std::string::npos) << "a dot in front would be a request";
  EXPECT_NE(page.find("(one of: low, high)"), std::string::npos);
  EXPECT_NE(page.find(".nf\nthing run \\-\\-level low\n.fi\n.RE\n.PP\nExit codes"), std::string::npos) << page;
  EXPECT_NE(page.find(".nf\nliteral\n\nmore\n.fi"), std::string::npos) << page;
  EXPECT_EQ(page.find("secret"), std::string::npos);
  EXPECT_NE(page.find(".TP\n\\fB\\-\\-json\\fR\nin JSON"), std::string::npos) << "a flag has no value";
  EXPECT_EQ(page.find("Examples:"), page.rfind("Examples:")) << "a footer is the program's own";
}

TEST(Completion, quotes_what_shells_would_read) {
  const Program program;
  EXPECT_EQ(completion(program.described(), "powershell"), std::nullopt);
  const auto zsh = completion(program.described(), "zsh");
  ASSERT_TRUE(zsh);
  EXPECT_NE(zsh->find("'--level[how much]:TEXT:(low high)'"), std::string::npos) << *zsh;
  EXPECT_NE(zsh->find("'-c[.starts with a dot\\\\]:FILE:_files'"), std::string::npos) << *zsh;
  const auto fish = completion(program.described(), "fish");
  ASSERT_TRUE(fish);
  EXPECT_NE(fish->find("-l level -x -a 'low high'"), std::string::npos) << *fish;
  EXPECT_NE(fish->find("-l config -s c -r -F"), std::string::npos) << *fish;
}

}  // namespace
}  // namespace cli
