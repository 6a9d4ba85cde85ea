#include "hub/certificates/hub_certificates.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <set>

#include "hub/certificates/authority_line.h"
#include "hub/core/text_file.h"
#include "wire/device_certificate.h"

namespace hub {
namespace {

constexpr int kValidDays = 397;
constexpr std::int64_t kRenewBefore_s = 30 * 86'400;

Problem damaged(const std::string& what, const std::string& cause) {
  return {errc::storage_damaged, what + ": " + cause, ""};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += name + "\n";
  return text;
}

bool is_usable(const HubCertificates& found, std::int64_t now_us) {
  if (!found.chain_pem.ends_with(found.ca_pem)) return false;
  if (!wire::ServerTls::from_pem(found.chain_pem, found.key_pem)) return false;
  // One that was made while the clock was a year ahead has not begun yet.
  const auto info = wire::read_certificate_info(found.chain_pem);
  const std::int64_t now_s = now_us / 1'000'000;
  return info && info->not_before_s <= now_s && info->not_after_s - now_s > kRenewBefore_s;
}

}  // namespace

std::vector<std::string> server_names(const std::string& hub_id, const std::string& machine,
                                      const std::string& public_host) {
  std::set<std::string> names{"hub-" + hub_id, "localhost", "127.0.0.1", "::1", machine};
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
  const std::int64_t now_s = now_us / 1'000'000;
  const auto authorities = AuthorityLine::open(folder + "/ca", "Telemetry Hub CA " + hub_id, now_s);
  if (!authorities) return authorities.error();
  const auto device_authorities =
      AuthorityLine::open(folder + "/device-ca", "Telemetry Hub Device CA " + hub_id, now_s);
  if (!device_authorities) return device_authorities.error();
  HubCertificates all;
  all.device_ca = device_authorities->newest(now_s);
  all.device_ca_bundle_pem = device_authorities->bundle_pem();
  const wire::KeyAndCertificate& signer = authorities->signer_once_known(now_s);
  all.ca_pem = signer.certificate_pem;
  all.ca_bundle_pem = authorities->bundle_pem();
  all.ca_sha256_hex = wire::certificate_sha256(all.ca_pem).value();

  all.chain_pem = read_text_file(folder + "/server.pem").value_or("");
  all.key_pem = read_text_file(folder + "/server.key").value_or("");
  if (read_text_file(folder + "/server.names") == joined(names) && is_usable(all, now_us)) return all;

  auto server = wire::make_server_certificate(signer, "hub-" + hub_id, names, kValidDays, now_s);
  if (!server) {
    return damaged(folder, "the CA cannot sign a server certificate: " + server.error().message());
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
