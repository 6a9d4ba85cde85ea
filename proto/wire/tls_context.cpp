#include "wire/tls_context.h"

#include <openssl/err.h>
#include <openssl/sha.h>

#include <array>
#include <cstring>
#include <vector>

#include "base/bytes.h"
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

/// First contact: trusts the one CA of the presented chain whose fingerprint was pinned, and verifies the rest against
/// it.
int verify_pinned(X509_STORE_CTX* store, void* argument) {
  const auto& wanted = *static_cast<const std::string*>(argument);  // the digest's 32 bytes
  STACK_OF(X509)* presented = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; presented != nullptr && i < sk_X509_num(presented); ++i) {
    X509* candidate = sk_X509_value(presented, i);
    unsigned char digest[32];
    unsigned size = sizeof digest;
    if (X509_check_ca(candidate) != 1 || X509_digest(candidate, EVP_sha256(), digest, &size) != 1) continue;
    if (base::as_chars({digest, size}) != wanted) continue;
    STACK_OF(X509)* trusted = sk_X509_new_null();
    sk_X509_push(trusted, candidate);
    X509_STORE_CTX_set0_trusted_stack(store, trusted);
    const int ok = X509_verify_cert(store);
    sk_X509_free(trusted);
    return ok;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
  return 0;
}

}  // namespace

Result<ServerTls> ServerTls::from_pem(const std::string& chain_pem, const std::string& key_pem) {
  ServerTls out;
  out.context_ = make_context(TLS_server_method());
  if (!out.context_) return errc::tls_failed;
  SSL_CTX* context = out.context_.get();
  const openssl::Bio chain = openssl::reader(chain_pem);
  const openssl::Bio key_bio = openssl::reader(key_pem);
  const openssl::Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  const openssl::Certificate leaf = openssl::read_certificate(chain.get());
  if (!key || !leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return errc::bad_certificate;
  }
  while (auto issuer = openssl::read_certificate(chain.get())) SSL_CTX_add1_chain_cert(context, issuer.get());
  ERR_clear_error();
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  return out;
}

Result<ClientTls> ClientTls::make(const Options& options) {
  ClientTls out;
  out.options_ = std::make_shared<const Options>(options);
  out.context_ = make_context(TLS_client_method());
  if (!out.context_) return errc::tls_failed;
  SSL_CTX* context = out.context_.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (!options.ca_sha256_hex.empty()) {
    auto pin = base::from_hex(options.ca_sha256_hex);
    if (!pin || pin->size() != SHA256_DIGEST_LENGTH) return errc::bad_certificate;
    // The callback may outlive this object with the context, which therefore keeps the pin alive.
    auto kept = std::make_shared<std::string>(std::move(*pin));
    out.context_ = std::shared_ptr<SSL_CTX>(context, [kept, inner = out.context_](SSL_CTX*) {});
    SSL_CTX_set_cert_verify_callback(context, verify_pinned, kept.get());
  } else if (!options.ca_pem.empty()) {
    const openssl::Bio bio = openssl::reader(options.ca_pem);
    int count = 0;
    while (auto ca = openssl::read_certificate(bio.get())) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.get());
      ++count;
    }
    ERR_clear_error();
    if (count == 0) return errc::bad_certificate;
  } else {
    SSL_CTX_set_default_verify_paths(context);
  }
  if (!options.alpn.empty()) {
    const auto names = alpn_list({options.alpn});
    SSL_CTX_set_alpn_protos(context, names.data(), static_cast<unsigned>(names.size()));
  }
  return out;
}

}  // namespace wire
