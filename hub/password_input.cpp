#include "hub/password_input.h"

#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "hub/core/text_file.h"

namespace hub {
namespace {

class NoEcho {
 public:
  NoEcho() {
    good_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    if (good_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
  }
  ~NoEcho() {
    if (good_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  NoEcho(const NoEcho&) = delete;
  NoEcho& operator=(const NoEcho&) = delete;

 private:
  termios before_{};
  bool good_ = false;
};

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

std::string ask(const std::string& prompt) {
  std::fputs(prompt.c_str(), stderr);
  const NoEcho quiet;
  std::string line;
  std::getline(std::cin, line);
  return line;
}

}  // namespace

Outcome<std::string> read_password(const std::string& file, const std::string& username) {
  if (!file.empty()) {
    const auto text = read_text_file(file);
    if (!text) return Problem{errc::invalid_argument, "the password file " + file + " cannot be read", ""};
    return first_line(*text);
  }
  if (::isatty(STDIN_FILENO) != 1) {
    std::string line;
    std::getline(std::cin, line);
    if (line.empty()) {
      return Problem{errc::invalid_argument, "no password: give --password-file, or the password on stdin", ""};
    }
    return first_line(line);
  }
  const std::string password = ask("Password for " + username + ": ");
  if (ask("Once more: ") != password) return Problem{errc::invalid_argument, "the two passwords differ", ""};
  return password;
}

}  // namespace hub
