#include "device-agent/credential_file.h"

#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

namespace agent {
namespace {

/// `sudo device-agent enroll` for a service that runs as a user of its own: who owns the folder has to read the file.
base::Result<void> give_to_owner(const std::string& folder, const std::string& file) {
  struct stat owner {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &owner) != 0 || owner.st_uid == 0) return {};
  if (::lchown(file.c_str(), owner.st_uid, owner.st_gid) == 0) return {};
  return base::error_code(errno, boost::system::system_category());
}

}  // namespace

std::optional<Credential> load_credential(const std::string& folder, std::string& problem) {
  const std::string path = folder + "/credential.toml";
  if (!std::filesystem::exists(path)) {
    problem = "no credential in " + folder + ": run `device-agent enroll` first";
    return std::nullopt;
  }
  try {
    const toml::table root = toml::parse_file(path);
    Credential c;
    c.host = root["host"].value_or(std::string());
    c.port = static_cast<std::uint16_t>(root["port"].value_or(8443));
    c.device_id = root["device_id"].value_or(std::string());
    c.device_name = root["device_name"].value_or(std::string());
    c.token = root["token"].value_or(std::string());
    c.ca_pem = root["ca_pem"].value_or(std::string());
    c.server_name = root["server_name"].value_or(std::string());
    c.key_pem = root["key_pem"].value_or(std::string());
    c.certificate_pem = root["certificate_pem"].value_or(std::string());
    c.time_floor_us = root["time_floor_us"].value_or(std::int64_t{0});
    problem = problem_of(c);
    if (problem.empty()) return c;
    problem = path + ": " + problem + "; enroll again";
  } catch (const toml::parse_error& e) {
    problem = path + ":" + std::to_string(e.source().begin.line) + ": " + std::string(e.description());
  }
  return std::nullopt;
}

base::Result<void> save_credential(const std::string& folder, const Credential& c) {
  std::error_code ec;
  std::filesystem::create_directories(folder, ec);
  if (ec) return base::error_code(ec.value(), boost::system::system_category());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ec);
  toml::table root{{"host", c.host},
                   {"port", std::int64_t{c.port}},
                   {"device_id", c.device_id},
                   {"device_name", c.device_name},
                   {"ca_pem", c.ca_pem}};
  const auto add = [&root](const char* key, const std::string& value) {
    if (!value.empty()) root.insert(key, value);
  };
  add("token", c.token);
  add("server_name", c.server_name);
  add("key_pem", c.key_pem);
  add("certificate_pem", c.certificate_pem);
  if (c.time_floor_us != 0) root.insert("time_floor_us", c.time_floor_us);
  std::ostringstream text;
  text << "# This device's credential: whoever reads it can speak as the device.\n" << root << "\n";
  const std::string file = folder + "/credential.toml";
  if (auto written = write_private_file(file, text.str()); !written) return written;
  return give_to_owner(folder, file);
}

}  // namespace agent
