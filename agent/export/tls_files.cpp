#include "agent/export/tls_files.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "base/credential_file.h"

namespace sonde::exporting {
namespace {

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Input = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;

// A key that asks for a passphrase is none that a daemon can use.
int NoPassphrase(char*, int, int, void*) { return -1; }

Input InputOf(const std::string& pem) { return Input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); }

Certificate FirstCertificate(const std::string& pem) {
  return Certificate(PEM_read_bio_X509(InputOf(pem).get(), nullptr, NoPassphrase, nullptr));
}

absl::StatusOr<std::string> ReadCertificates(const std::string& path) {
  absl::StatusOr<std::string> pem = base::ReadCredentialFile(path, base::Secrecy::kPublic);
  if (pem.ok() && FirstCertificate(*pem) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(path, " holds no certificate in PEM form"));
  }
  return pem;
}

// Whether gRPC can use the pair: it would not say what is wrong with it.
absl::Status CheckPair(const TargetTls& tls, const std::string& certificate, const std::string& key) {
  const Key private_key(PEM_read_bio_PrivateKey(InputOf(key).get(), nullptr, NoPassphrase, nullptr));
  if (private_key == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(tls.key_file, " holds no private key in PEM form, or one with passphrase"));
  }
  if (X509_check_private_key(FirstCertificate(certificate).get(), private_key.get()) == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(tls.key_file, " is not the key of ", tls.cert_file));
}

int64_t NanosecondsOf(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

}  // namespace

TlsFiles::Stamp TlsFiles::StampOf(const std::string& path) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) != 0) return {};
  return {.device = facts.st_dev,
          .inode = facts.st_ino,
          .size = facts.st_size,
          .modified_ns = NanosecondsOf(facts.st_mtim),
          .changed_ns = NanosecondsOf(facts.st_ctim)};
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> TlsFiles::Read() {
  stamps_ = Stamps();
  are_usable_ = false;
  grpc::SslCredentialsOptions options;
  if (!tls_.ca_file.empty()) {
    absl::StatusOr<std::string> roots = ReadCertificates(tls_.ca_file);
    if (!roots.ok()) return roots.status();
    options.pem_root_certs = *std::move(roots);
  }
  if (!tls_.cert_file.empty()) {
    absl::StatusOr<std::string> certificate = ReadCertificates(tls_.cert_file);
    if (!certificate.ok()) return certificate.status();
    absl::StatusOr<std::string> key = base::ReadCredentialFile(tls_.key_file, base::Secrecy::kSecret);
    if (!key.ok()) return key.status();
    if (absl::Status pair = CheckPair(tls_, *certificate, *key); !pair.ok()) return pair;
    options.pem_cert_chain = *std::move(certificate);
    options.pem_private_key = *std::move(key);
  }
  are_usable_ = true;
  return grpc::SslCredentials(options);
}

}  // namespace sonde::exporting
