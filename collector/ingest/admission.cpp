#include "collector/ingest/admission.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace sonde::ingest {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr double kNsInMinute = 60e9;
// Of whom more is known than of anybody who comes the first time. Beyond, those who pushed least lately are forgotten.
constexpr size_t kMaxSenders = 4'096;

// In a time that tells nothing of where they differ.
bool IsSame(std::string_view one, std::string_view other) {
  return one.size() == other.size() && CRYPTO_memcmp(one.data(), other.data(), one.size()) == 0;
}

std::string_view WithoutPort(std::string_view peer) { return peer.substr(0, peer.rfind(':')); }

}  // namespace

absl::Status Admission::Admit(std::string_view authorization, std::string_view peer, size_t bytes, int64_t now_ns) {
  if (!rules_.token.empty()) {
    const bool has_scheme = authorization.starts_with(kScheme);
    if (!has_scheme || !IsSame(authorization.substr(kScheme.size()), rules_.token)) {
      return absl::UnauthenticatedError(has_scheme ? "the bearer token is not this collector's"
                                                   : "this collector wants the metadata 'authorization: Bearer TOKEN'");
    }
  }
  if (rules_.sender_bytes_per_minute == 0) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  return TakeFrom(BucketOf(WithoutPort(peer), now_ns), bytes, now_ns);
}

absl::Status Admission::TakeFrom(Bucket* bucket, size_t bytes, int64_t now_ns) const {
  const auto most = static_cast<double>(rules_.sender_bytes_per_minute);
  const double filled = static_cast<double>(now_ns - bucket->at_ns) / kNsInMinute * most;
  bucket->bytes = std::min(most, bucket->bytes + std::max(filled, 0.0));
  bucket->at_ns = now_ns;
  const auto wanted = static_cast<double>(bytes);
  if (wanted <= bucket->bytes) {
    bucket->bytes -= wanted;
    return absl::OkStatus();
  }
  const std::string limit =
      absl::StrCat("the limit of ", rules_.sender_bytes_per_minute, " bytes a minute from one sender");
  if (wanted > most) return absl::ResourceExhaustedError(absl::StrCat("this message alone is beyond ", limit));
  const auto seconds = static_cast<int64_t>(std::ceil((wanted - bucket->bytes) / most * 60));
  return absl::ResourceExhaustedError(absl::StrCat(limit, " is reached; try again in ", seconds, " s"));
}

Admission::Bucket* Admission::BucketOf(std::string_view sender, int64_t now_ns) {
  if (auto found = buckets_.find(sender); found != buckets_.end()) return &found->second;
  if (buckets_.size() >= kMaxSenders) {
    buckets_.erase(std::ranges::min_element(buckets_, {}, [](const auto& entry) { return entry.second.at_ns; }));
  }
  Bucket full{.bytes = static_cast<double>(rules_.sender_bytes_per_minute), .at_ns = now_ns};
  return &buckets_.emplace(sender, full).first->second;
}

}  // namespace sonde::ingest
