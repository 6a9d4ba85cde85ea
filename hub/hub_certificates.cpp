#include "hub/hub_certificates.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "hub/text_file.h"
#include "hub/web/enrolment_command.h"

namespace hub {
namespace {

constexpr int kValidDays = 397;
constexpr std::int64_t kRenewBefore_s = 30 * 86'400;

Problem damaged(const std::string& what, const std::string& cause) {
  return {errc::storage_damaged, what + ": " + cause, ""};
}

Outcome<wire::KeyAndCertificate> open_authority(const std::string& stem, const std::string& common_name) {
  const std::string pem_path = stem + ".pem", key_path = stem + ".key";
  auto pem = read_text_file(pem_path);
  auto key = read_text_file(key_path);
  if (pem && key) return wire::KeyAndCertificate{std::move(*key), std::move(*pem)};
  if (pem) {
    return damaged(key_path,
                   "is missing or unreadable, but " + pem_path +
                       " is there; devices trust that CA, so put its key back, or move both away for a new one");
  }
  auto made = wire::make_certificate_authority(common_name);
  if (!made) return damaged(pem_path, "cannot be made: " + made.error().message());
  // The key first: a key without a certificate is harmless after a crash.
  if (auto done = write_text_file(key_path, made->key_pem, 0600); !done) return done.error();
  if (auto done = write_text_file(pem_path, made->certificate_pem, 0644); !done) return done.error();
  return *made;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += name + "\n";
  return text;
}

bool is_usable(const HubCertificates& found, std::int64_t now_us) {
  if (!found.chain_pem.ends_with(found.ca_pem)) return false;
  if (!wire::ServerTls::from_pem(found.chain_pem, found.key_pem)) return false;
  const auto expiry = wire::certificate_expiry(found.chain_pem);
  return expiry && *expiry - now_us / 1'000'000 > kRenewBefore_s;
}

}  // namespace

std::vector<std::string> server_names(const std::string& hub_id, const std::string& public_host) {
  std::set<std::string> names{"hub-" + hub_id, "localhost", "127.0.0.1", "::1", web::machine_name()};
  if (!public_host.empty()) names.insert(public_host);
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) == 0) {
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr) continue;
      char text[INET6_ADDRSTRLEN] = "";
      if (entry->ifa_addr->sa_family == AF_INET) {
        const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
        inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
      } else if (entry->ifa_addr->sa_family == AF_INET6) {
        const auto* address = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
        // Link-local ones need a scope, which no certificate can name.
        if (!IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr)) inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
      }
      if (text[0] != '\0') names.insert(text);
    }
    freeifaddrs(list);
  }
  return {names.begin(), names.end()};
}

Outcome<HubCertificates> open_certificates(const std::string& folder, const std::string& hub_id,
                                           const std::vector<std::string>& names, std::int64_t now_us) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return Problem{errc::storage_failed, folder + " cannot be made: " + std::strerror(errno), ""};
  }
  const auto authority = open_authority(folder + "/ca", "Telemetry Hub CA " + hub_id);
  if (!authority) return authority.error();
  auto device_authority = open_authority(folder + "/device-ca", "Telemetry Hub Device CA " + hub_id);
  if (!device_authority) return device_authority.error();
  HubCertificates all;
  all.device_ca = std::move(*device_authority);
  all.ca_pem = authority->certificate_pem;
  const auto fingerprint = wire::certificate_sha256(all.ca_pem);
  if (!fingerprint) return damaged(folder + "/ca.pem", "is not a certificate");
  all.ca_sha256_hex = *fingerprint;

  all.chain_pem = read_text_file(folder + "/server.pem").value_or("");
  all.key_pem = read_text_file(folder + "/server.key").value_or("");
  if (read_text_file(folder + "/server.names") == joined(names) && is_usable(all, now_us)) return all;

  auto server = wire::make_server_certificate(*authority, "hub-" + hub_id, names, kValidDays);
  if (!server) {
    return damaged(folder + "/ca.key", "cannot sign a server certificate: " + server.error().message());
  }
  all.key_pem = server->key_pem;
  all.chain_pem = server->certificate_pem + all.ca_pem;
  all.issued = true;
  // The names last: until they are there the next start makes the pair again.
  if (auto done = write_text_file(folder + "/server.names", "", 0644); !done) return done.error();
  if (auto done = write_text_file(folder + "/server.key", all.key_pem, 0600); !done) return done.error();
  if (auto done = write_text_file(folder + "/server.pem", all.chain_pem, 0644); !done) return done.error();
  if (auto done = write_text_file(folder + "/server.names", joined(names), 0644); !done) return done.error();
  return all;
}

}  // namespace hub
