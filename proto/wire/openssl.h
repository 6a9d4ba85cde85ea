// Owning pointers for OpenSSL's objects. Private to wire.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace wire::openssl {

// A type that frees with one of OpenSSL's functions.
template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

using Bio = std::unique_ptr<BIO, Deleter<&BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<&X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<&X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<&BN_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<&SSL_CTX_free>>;

inline Bio reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
/// Nothing for a key behind a passphrase: without the callback OpenSSL would ask for it on the terminal, and wait.
inline Key read_private_key(BIO* bio) {
  return Key(PEM_read_bio_PrivateKey(
      bio, nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
}
inline Certificate read_certificate(BIO* bio) {
  return Certificate(PEM_read_bio_X509(bio, nullptr, nullptr, nullptr));
}

}  // namespace wire::openssl
