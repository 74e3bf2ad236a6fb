#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <cstring>
#include <string>

namespace sonde::exporting {

struct PemPair {
  std::string certificate;
  std::string key;
};

// A certificate authority of a test's own, with one certificate after the other for this host.
class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name) : key_(EVP_EC_gen("P-256")) {
    certificate_ = New(name, key_, 3600);
    AddExtension(certificate_, NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
    X509_sign(certificate_, key_, EVP_sha256());
  }
  ~TestAuthority() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::string Certificate() const { return PemOf(certificate_); }

  // Good for `alternatives` ("IP:127.0.0.1,DNS:localhost") until so many seconds from now, which may be in the past.
  PemPair Issue(const std::string& name, const std::string& alternatives, int64_t seconds = 3600) const {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = New(name, key, seconds);
    AddExtension(certificate, NID_subject_alt_name, alternatives);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
    X509_sign(certificate, key_, EVP_sha256());
    PemPair pair{.certificate = PemOf(certificate), .key = PemOf(key)};
    X509_free(certificate);
    EVP_PKEY_free(key);
    return pair;
  }

 private:
  static X509* New(const std::string& name, EVP_PKEY* key, int64_t seconds) {
    static int64_t serial = 1;
    X509* certificate = X509_new();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(certificate, key);
    return certificate;
  }
  static void AddExtension(X509* certificate, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static std::string TextOf(BIO* bio) {
    char* text = nullptr;
    const auto size = BIO_get_mem_data(bio, &text);
    std::string pem(text, static_cast<size_t>(size));
    BIO_free(bio);
    return pem;
  }
  static std::string PemOf(X509* certificate) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate);
    return TextOf(bio);
  }
  static std::string PemOf(EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    return TextOf(bio);
  }

  EVP_PKEY* const key_;
  X509* certificate_ = nullptr;
};

}  // namespace sonde::exporting
