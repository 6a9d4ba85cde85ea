#include "wire/tls_context.h"

#include <openssl/err.h>
#include <openssl/sha.h>

#include <array>
#include <cstring>
#include <ctime>
#include <vector>

#include "base/bytes.h"
#include "wire/device_certificate.h"
#include "wire/errc.h"
#include "wire/openssl.h"

namespace wire {
namespace {

using base::Result;

std::vector<unsigned char> alpn_list(std::initializer_list<std::string_view> names) {
  std::vector<unsigned char> out;
  for (const auto name : names) {
    out.push_back(static_cast<unsigned char>(name.size()));
    out.insert(out.end(), name.begin(), name.end());
  }
  return out;
}

/// TLS 1.2+, small buffers, and no resumption: a resumed session would skip the certificate check, and it saves no CPU.
std::shared_ptr<SSL_CTX> make_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  if (!context) return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set1_groups_list(context.get(), "X25519:P-256");
  return context;
}

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                void*) {
  static const auto known = alpn_list({kDeviceAlpn, "http/1.1"});
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, known.data(), static_cast<unsigned>(known.size()), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/// Whether the ClientHello offers kDeviceAlpn. Asked before OpenSSL looks at anything else of it.
bool offers_device_alpn(SSL* ssl) {
  const unsigned char* list = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &list, &size) != 1)
    return false;
  constexpr std::string_view kWanted = kDeviceAlpn;
  for (std::size_t at = 2; at < size;) {  // behind the list's own length
    const std::size_t length = list[at];
    if (at + 1 + length > size) return false;
    if (std::string_view(reinterpret_cast<const char*>(list) + at + 1, length) == kWanted) return true;
    at += 1 + length;
  }
  return false;
}

/// The one thing forgiven: the device's own certificate has expired, but not so long ago that it may not renew.
int verify_device(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  if (X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_HAS_EXPIRED || X509_STORE_CTX_get_error_depth(store) != 0) {
    return 0;
  }
  std::time_t oldest = std::time(nullptr) - static_cast<std::time_t>(kRenewableAfterExpiry_s);
  const auto* expiry = X509_get0_notAfter(X509_STORE_CTX_get_current_cert(store));
  return X509_cmp_time(expiry, &oldest) > 0 ? 1 : 0;
}

/// Where a context keeps another one, to be freed with it.
int kept_context_index() {
  static const int index = SSL_CTX_get_ex_new_index(
      0, nullptr, nullptr, nullptr,
      [](void*, void* kept, CRYPTO_EX_DATA*, int, long, void*) { SSL_CTX_free(static_cast<SSL_CTX*>(kept)); });
  return index;
}

/// The last argument is the context for devices.
int choose_context(SSL* ssl, int*, void* devices) {
  if (!offers_device_alpn(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
  if (SSL_set_SSL_CTX(ssl, static_cast<SSL_CTX*>(devices)) == nullptr) return SSL_CLIENT_HELLO_ERROR;
  SSL_set_verify(ssl, SSL_VERIFY_PEER, verify_device);
  return SSL_CLIENT_HELLO_SUCCESS;
}

/// False where chain and key do not parse or do not belong together.
bool use_chain(SSL_CTX* context, const std::string& chain_pem, const std::string& key_pem) {
  const openssl::Bio chain = openssl::reader(chain_pem);
  const openssl::Bio key_bio = openssl::reader(key_pem);
  const openssl::Key key = openssl::read_private_key(key_bio.get());
  const openssl::Certificate leaf = openssl::read_certificate(chain.get());
  const bool fits = key && leaf && SSL_CTX_use_certificate(context, leaf.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context, key.get()) == 1 && SSL_CTX_check_private_key(context) == 1;
  while (auto issuer = fits ? openssl::read_certificate(chain.get()) : nullptr) {
    SSL_CTX_add1_chain_cert(context, issuer.get());
  }
  ERR_clear_error();
  return fits;
}

/// How many certificates of `pem` the context trusts from now on.
int trust(SSL_CTX* context, const std::string& pem, bool name_to_clients) {
  const openssl::Bio bio = openssl::reader(pem);
  int count = 0;
  while (auto ca = openssl::read_certificate(bio.get())) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get());
    if (name_to_clients) SSL_CTX_add_client_CA(context, ca.get());
    ++count;
  }
  ERR_clear_error();
  return count;
}

int accept_not_yet_valid(int ok, X509_STORE_CTX* store) {
  if (ok == 1) return 1;
  if (X509_STORE_CTX_get_error(store) != X509_V_ERR_CERT_NOT_YET_VALID) return 0;
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

struct Pin {
  std::string wanted;  // the digest's 32 bytes; empty: any
  std::shared_ptr<std::string> met_hex;
};

/// First contact: trusts the one CA of the presented chain whose fingerprint was pinned, or any where none was, and
/// verifies the rest against it.
int verify_pinned(X509_STORE_CTX* store, void* argument) {
  const auto& pin = *static_cast<const Pin*>(argument);
  STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; presented != nullptr && i < sk_X509_num(presented); ++i) {
    X509* candidate = sk_X509_value(presented, i);
    unsigned char digest[32];
    unsigned size = sizeof digest;
    if (X509_check_ca(candidate) != 1 || X509_digest(candidate, EVP_sha256(), digest, &size) != 1) continue;
    if (!pin.wanted.empty() && base::as_chars({digest, size}) != pin.wanted) continue;
    STACK_OF(X509)* trusted = sk_X509_new_null();
    sk_X509_push(trusted, candidate);
    X509_STORE_CTX_set0_trusted_stack(store, trusted);
    const int ok = X509_verify_cert(store);
    sk_X509_free(trusted);
    if (ok == 1 && pin.met_hex) *pin.met_hex = base::to_hex(base::as_chars({digest, size}));
    return ok;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
  return 0;
}

}  // namespace

std::string sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

Result<ServerTls> ServerTls::from_pem(const std::string& chain_pem, const std::string& key_pem,
                                      const std::optional<DeviceTls>& devices) {
  auto everyone = make_context(TLS_server_method());
  if (!everyone) return errc::tls_failed;
  if (!use_chain(everyone.get(), chain_pem, key_pem)) return errc::bad_certificate;
  SSL_CTX_set_alpn_select_cb(everyone.get(), select_alpn, nullptr);
  ServerTls out;
  if (devices) {
    auto for_devices = make_context(TLS_server_method());
    if (!for_devices) return errc::tls_failed;
    if (!use_chain(for_devices.get(), devices->chain_pem, devices->key_pem) ||
        trust(for_devices.get(), devices->device_ca_pem, true) == 0) {
      return errc::bad_certificate;
    }
    SSL_CTX_set_alpn_select_cb(for_devices.get(), select_alpn, nullptr);
    SSL_CTX_set_client_hello_cb(everyone.get(), choose_context, for_devices.get());
    // A handshake may outlive this object and keeps the first context by count: the second must live as long.
    SSL_CTX_up_ref(for_devices.get());
    if (SSL_CTX_set_ex_data(everyone.get(), kept_context_index(), for_devices.get()) != 1) {
      SSL_CTX_free(for_devices.get());
      return errc::tls_failed;
    }
  }
  out.context_ = std::move(everyone);
  return out;
}

Result<ClientTls> ClientTls::make(const Options& options) {
  ClientTls out;
  out.options_ = std::make_shared<const Options>(options);
  out.context_ = make_context(TLS_client_method());
  if (!out.context_) return errc::tls_failed;
  SSL_CTX* context = out.context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, options.accept_not_yet_valid ? accept_not_yet_valid : nullptr);
  if (!options.ca_sha256_hex.empty() || options.met_ca_sha256_hex) {
    // The callback may outlive this object with the context, which therefore keeps the pin alive.
    auto kept = std::make_shared<Pin>();
    kept->met_hex = options.met_ca_sha256_hex;
    if (!options.ca_sha256_hex.empty()) {
      auto pin = base::from_hex(options.ca_sha256_hex);
      if (!pin || pin->size() != SHA256_DIGEST_LENGTH) return errc::bad_certificate;
      kept->wanted = std::move(*pin);
    }
    out.context_ = std::shared_ptr<SSL_CTX>(context, [kept, inner = out.context_](SSL_CTX*) {});
    SSL_CTX_set_cert_verify_callback(context, verify_pinned, kept.get());
  } else if (!options.ca_pem.empty()) {
    const int count = trust(context, options.ca_pem, false);
    if (count == 0) return errc::bad_certificate;
  } else {
    SSL_CTX_set_default_verify_paths(context);
  }
  if (options.verify_at_s != 0) {
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(context), static_cast<time_t>(options.verify_at_s));
  }
  if (options.certificate_pem.empty() != options.key_pem.empty()) return errc::bad_certificate;
  if (!options.key_pem.empty() && !use_chain(context, options.certificate_pem, options.key_pem)) {
    return errc::bad_certificate;
  }
  if (!options.alpn.empty()) {
    const auto names = alpn_list({options.alpn});
    SSL_CTX_set_alpn_protos(context, names.data(), static_cast<unsigned>(names.size()));
  }
  return out;
}

}  // namespace wire
