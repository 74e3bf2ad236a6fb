#include "agent/export/profile_parts.h"

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "profile/pprof_file.h"
#include "profile/split.h"

namespace sonde::exporting {
namespace {

using profile::EncodedProfile;
using profile::Pprof;

constexpr size_t kMostReadBytes = size_t{256} << 20;  // our own profiles are a fraction of that
// A sample is at least its tag and length, a place and a value, each with tag and length.
constexpr size_t kLeastSampleBytes = 8;

bool Fits(const Pprof& pprof, const PushLimits& limits) {
  return pprof.ByteSizeLong() <= limits.pprof_bytes && static_cast<size_t>(pprof.sample_size()) <= limits.samples;
}

// As cheaply as it can be told: nearly every profile fits.
bool IsTooLarge(const EncodedProfile& profile, const PushLimits& limits) {
  const size_t bytes = PlainBytes(profile.pprof_gz);
  if (bytes > limits.pprof_bytes) return true;
  if (bytes / kLeastSampleBytes <= limits.samples) return false;
  const absl::StatusOr<size_t> samples = profile::CountSamples(profile.pprof_gz, kMostReadBytes);
  return samples.ok() && *samples > limits.samples;
}

ProfilePtr PartOf(const EncodedProfile& whole, uint64_t part, const Pprof& pprof) {
  return std::make_shared<const EncodedProfile>(EncodedProfile{.kind = whole.kind,
                                                               .labels = whole.labels,
                                                               .start_unix_ns = whole.start_unix_ns,
                                                               .instance = whole.instance,
                                                               .sequence = whole.sequence,
                                                               .part = part,
                                                               .pprof_gz = profile::Encode(pprof)});
}

// Cuts until all is within `limits`, in the order of the samples. As deep as a profile has doublings of samples.
void CutToFit(const EncodedProfile& whole, uint64_t part, const Pprof& pprof, const PushLimits& limits,
              std::deque<ProfilePtr>* parts) {
  const auto halves = Fits(pprof, limits) ? std::nullopt : profile::Halve(pprof);
  if (!halves) {
    parts->push_back(PartOf(whole, part, pprof));
    return;
  }
  CutToFit(whole, 2 * part, (*halves)[0], limits, parts);
  CutToFit(whole, 2 * part + 1, (*halves)[1], limits, parts);
}

}  // namespace

size_t PlainBytes(std::string_view bytes) {
  // A gzip file ends with that number (RFC 1952 2.3.1).
  if (!bytes.starts_with("\x1f\x8b") || bytes.size() < 8) return bytes.size();
  size_t plain = 0;
  for (size_t i = 0; i < 4; ++i) plain |= size_t{static_cast<unsigned char>(bytes[bytes.size() - 4 + i])} << (8 * i);
  return plain;
}

ProfileParts::ProfileParts(ProfilePtr whole, const std::optional<PushLimits>& limits) : whole_(std::move(whole)) {
  if (limits && IsTooLarge(*whole_, *limits)) {
    const absl::StatusOr<Pprof> pprof = profile::Decode(whole_->pprof_gz, kMostReadBytes);
    if (pprof.ok()) CutToFit(*whole_, whole_->part, *pprof, *limits, &parts_);
  }
  if (parts_.empty()) parts_.push_back(whole_);
}

bool ProfileParts::AreOf(const EncodedProfile& profile) const {
  return &profile == whole_.get() || (profile.instance == whole_->instance && profile.sequence == whole_->sequence &&
                                      profile.pprof_gz == whole_->pprof_gz);
}

bool ProfileParts::HalveCurrent() {
  const ProfilePtr current = parts_.front();
  const absl::StatusOr<Pprof> pprof = profile::Decode(current->pprof_gz, kMostReadBytes);
  if (!pprof.ok()) return false;
  const auto halves = profile::Halve(*pprof);
  if (!halves) return false;
  parts_.pop_front();
  parts_.push_front(PartOf(*current, 2 * current->part + 1, (*halves)[1]));
  parts_.push_front(PartOf(*current, 2 * current->part, (*halves)[0]));
  return true;
}

}  // namespace sonde::exporting
