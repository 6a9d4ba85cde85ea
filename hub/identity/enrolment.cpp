// Identity's devices: enrolment tokens, device tokens, revocation. All of it on control.
#include <algorithm>
#include <cctype>
#include <mutex>

#include "hub/identity/identity_state.h"
#include "hub/identity/secret.h"
#include "wire/frame_codec.h"

namespace hub {
namespace {

constexpr std::int64_t kShortest_us = 60 * 1'000'000LL;
constexpr std::int64_t kLongest_us = 7 * 24 * 3600 * 1'000'000LL;
constexpr std::uint32_t kMostUses = 10'000;
constexpr std::size_t kAttributes = 64;
constexpr std::size_t kAttributeBytes = 256;

std::optional<Problem> check_name(const std::string& name) {
  if (wire::is_device_name(name)) return std::nullopt;
  return Problem{errc::invalid_argument,
                 "A device name is 1 to 64 characters of letters, digits, space and _ . : -, without a space at either "
                 "end.",
                 "/name"};
}

std::string generated_name(std::size_t length, base::Random& random) {
  auto code = make_code(length, random);
  std::transform(code.begin(), code.end(), code.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return "device-" + code;
}

// What a device says of itself beyond the bounds is left out, not a reason to refuse it.
void bound(std::map<std::string, std::string>& attributes) {
  std::erase_if(attributes, [](const auto& pair) {
    return pair.first.empty() || pair.first.size() > kAttributeBytes || pair.second.size() > kAttributeBytes ||
           !wire::is_utf8(pair.first) || !wire::is_utf8(pair.second);
  });
  while (attributes.size() > kAttributes) attributes.erase(std::prev(attributes.end()));
}

}  // namespace

void Identity::create_enrolment(EnrolmentRequest request, Answer<Enrolment> answer) {
  answer_on_control<Enrolment>(state_->control, std::move(answer), [state = state_, request = std::move(request)] {
    return state->create_enrolment(request);
  });
}

Outcome<Enrolment> Identity::State::create_enrolment(const EnrolmentRequest& request) {
  if (request.ttl_us < kShortest_us || request.ttl_us > kLongest_us) {
    return Problem{errc::invalid_argument, "An enrolment token lives for 1 minute to 7 days.", "/ttl"};
  }
  if (request.uses < 1 || request.uses > kMostUses) {
    return Problem{errc::invalid_argument, "An enrolment token has 1 to 10,000 uses.", "/uses"};
  }
  if (!request.name.empty()) {
    if (auto problem = check_name(request.name)) return std::move(*problem);
    if (request.uses != 1) {
      return Problem{errc::invalid_argument, "A fixed name is for one device: leave out name, or uses.", "/uses"};
    }
  }
  if (auto problem = check_tags(request.tags)) return std::move(*problem);

  Enrolment made;
  made.id = make_id('e', random);
  made.token = make_token(random);
  made.uses = request.uses;
  EnrolmentRecord record;
  record.id = made.id;
  record.token_sha256 = sha256_hex(made.token);
  record.device_name = request.name;
  record.tags = request.tags;
  record.created_us = clock.now_us();
  record.expires_us = made.expires_us = record.created_us + request.ttl_us;
  record.uses_left = request.uses;
  record.keep_token = request.keep_token;
  if (auto done = store.put_enrolment(record); !done) return credentials_not_stored(done.error());
  return made;
}

void Identity::redeem_enrolment(std::string token, std::string wished_name,
                                std::map<std::string, std::string> attributes, Answer<DeviceGrant> answer,
                                std::string signing_request) {
  answer_on_control<DeviceGrant>(
      state_->control, std::move(answer),
      [state = state_, token = std::move(token), wished_name = std::move(wished_name),
       attributes = std::move(attributes), signing_request = std::move(signing_request)]() mutable {
        return state->redeem(token, wished_name, std::move(attributes), signing_request);
      });
}

Outcome<DeviceGrant> Identity::State::redeem(const std::string& token, const std::string& wished_name,
                                             std::map<std::string, std::string> attributes,
                                             const std::string& signing_request) {
  const Problem unknown{errc::unauthenticated, "This enrolment token is not known here.", "/token"};
  if (token.empty() || token.size() > kMaxTokenBytes) return unknown;
  auto found = store.find_enrolment(sha256_hex(token));
  if (!found) return credentials_not_stored(found.error());
  if (!*found) return unknown;
  auto& enrolment = **found;
  if (enrolment.uses_left == 0) {
    return Problem{errc::gone, "This enrolment token is used up; ask for a new one.", "/token"};
  }
  if (clock.now_us() >= enrolment.expires_us) {
    return Problem{errc::gone, "This enrolment token has expired; ask for a new one.", "/token"};
  }
  const auto& name = enrolment.device_name.empty() ? wished_name : enrolment.device_name;
  return add_device(enrolment.id, name, std::move(enrolment.tags), std::move(attributes), signing_request,
                    enrolment.keep_token);
}

void Identity::create_device(std::string name, std::map<std::string, std::string> tags, Answer<DeviceGrant> answer) {
  answer_on_control<DeviceGrant>(
      state_->control, std::move(answer),
      [state = state_, name = std::move(name), tags = std::move(tags)]() mutable -> Outcome<DeviceGrant> {
        if (auto problem = check_tags(tags)) return std::move(*problem);
        return state->add_device("", name, std::move(tags), {});
      });
}

void Identity::enrol_approved(std::string name, std::map<std::string, std::string> tags,
                              std::map<std::string, std::string> attributes, std::string signing_request,
                              Answer<DeviceGrant> answer) {
  answer_on_control<DeviceGrant>(
      state_->control, std::move(answer),
      [state = state_, name = std::move(name), tags = std::move(tags), attributes = std::move(attributes),
       signing_request = std::move(signing_request)]() mutable -> Outcome<DeviceGrant> {
        if (auto problem = check_tags(tags)) return std::move(*problem);
        return state->add_device("", name, std::move(tags), std::move(attributes), signing_request);
      });
}

Outcome<DeviceGrant> Identity::State::add_device(const std::string& enrolment_id, const std::string& name,
                                                 std::map<std::string, std::string> tags,
                                                 std::map<std::string, std::string> attributes,
                                                 const std::string& signing_request, bool keep_token) {
  if (!name.empty()) {
    if (auto problem = check_name(name)) return std::move(*problem);
  }
  bound(attributes);
  DeviceGrant grant;
  grant.device = DeviceId(make_id('d', random));
  grant.token = make_token(random);
  DeviceRecord device;
  device.id = grant.device;
  device.created_us = clock.now_us();
  device.tags = std::move(tags);
  device.attributes = std::move(attributes);
  const DeviceTokenRecord token{grant.device, sha256_hex(grant.token), device.created_us};
  CertificateRecord certificate;
  certificate.device = grant.device;
  if (!signing_request.empty()) {
    auto chain = sign_certificate(signing_request, certificate);
    if (!chain) return chain.error();
    grant.certificate_pem = std::move(*chain);
    if (!keep_token) certificate.retires_token = token.token_sha256;
  }

  // Four random characters collide after some thousand devices: then longer ones are tried.
  const std::size_t attempts = name.empty() ? 4 : 1;
  for (std::size_t attempt = 1; attempt <= attempts; ++attempt) {
    device.name = name.empty() ? generated_name(4 * attempt, random) : name;
    const auto done = store.enrol_device(enrolment_id, device, token, signing_request.empty() ? nullptr : &certificate);
    if (done) break;
    if (to_errc(done.error()) == errc::gone) {
      return Problem{errc::gone, "This enrolment token is used up; ask for a new one.", "/token"};
    }
    if (to_errc(done.error()) != errc::conflict) return credentials_not_stored(done.error());
    if (attempt == attempts) {
      return Problem{errc::conflict, "There is a device named " + device.name + " already.", "/name"};
    }
  }
  grant.name = device.name;
  {
    const std::unique_lock lock(mutex);
    device_tokens.emplace(token.token_sha256, grant.device);
    if (!signing_request.empty()) certificates.emplace(certificate.serial_hex, certificate);
  }
  if (created_hook) created_hook(device);
  return grant;
}

void Identity::revoke_device(DeviceId device, Answer<bool> answer) {
  answer_on_control<bool>(state_->control, std::move(answer),
                          [state = state_, device = std::move(device)] { return state->revoke(device); });
}

Outcome<bool> Identity::State::revoke(const DeviceId& device) {
  if (auto done = store.revoke_device(device, clock.now_us()); !done) return credentials_not_stored(done.error());
  std::size_t ended = 0;
  {
    const std::unique_lock lock(mutex);
    ended = std::erase_if(device_tokens, [&device](const auto& token) { return token.second == device; });
    ended += std::erase_if(certificates, [&device](const auto& held) { return held.second.device == device; });
  }
  if (ended > 0 && revoked_hook) revoked_hook(device);
  return ended > 0;
}

}  // namespace hub
