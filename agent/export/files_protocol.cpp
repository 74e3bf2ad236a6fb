#include "agent/export/files_protocol.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

using profile::EncodedProfile;
using profile::FileFormat;
using profile::Kind;
using profile::Pprof;

constexpr size_t kMaxDrawnBytes = size_t{256} << 20;  // of a pprof; our own are a fraction of that
constexpr size_t kMaxNameBytes = 64;                  // of a service in a file's name

std::string ServiceOf(const EncodedProfile& profile) {
  return std::string(profile::LabelOf(profile.labels, profile::kServiceName));
}

// What a service calls itself is hostile text, and no path.
std::string SafeName(const std::string& name) {
  std::string safe = name.substr(0, kMaxNameBytes);
  for (char& c : safe) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '_') c = '_';
  }
  return safe.empty() ? "unknown" : safe;
}

// Sequences begin anew with each run of the agent, hence its name.
std::string FileName(const EncodedProfile& profile) {
  const absl::Time start = absl::FromUnixNanos(profile.start_unix_ns);
  return absl::StrCat(ProfileFolder::kPrefix, absl::FormatTime("%Y%m%dT%H%M%SZ", start, absl::UTCTimeZone()), "-",
                      std::string(profile::KindName(profile.kind)), "-", SafeName(ServiceOf(profile)), "-",
                      profile.instance.substr(0, 8), absl::StrFormat("-%08d", profile.sequence));
}

std::string TitleOf(const EncodedProfile& profile, const Pprof& pprof) {
  const absl::Time start = absl::FromUnixNanos(profile.start_unix_ns);
  return absl::StrCat(ServiceOf(profile), " ", std::string(profile::KindName(profile.kind)), ", ",
                      absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", start, absl::UTCTimeZone()), ", ",
                      absl::FormatDuration(absl::Nanoseconds(pprof.duration_nanos())));
}

// What stacks are put under: waits by their reason.
std::string RootLabel(Kind kind) {
  return kind == Kind::kOffCpu || kind == Kind::kWall ? std::string(profile::kReason) : std::string();
}

grpc::Status ToAnswer(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

FilesProtocol::FilesProtocol(std::string folder, ProfileFolder::Retention retention,
                             std::vector<profile::FileFormat> formats)
    : folder_(std::move(folder), retention), formats_(std::move(formats)) {}

grpc::Status FilesProtocol::Push(grpc::ClientContext*, const EncodedProfile& profile, Rejected*) {
  const std::string name = FileName(profile);
  std::optional<Pprof> pprof;
  for (FileFormat format : formats_) {
    std::string drawn;
    if (format != FileFormat::kPprof) {
      if (!pprof) {
        absl::StatusOr<Pprof> decoded = profile::Decode(profile.pprof_gz, kMaxDrawnBytes);
        if (!decoded.ok()) return {grpc::StatusCode::INVALID_ARGUMENT, std::string(decoded.status().message())};
        pprof = *std::move(decoded);
      }
      drawn = profile::WriteFile(
          format, *pprof,
          {.title = TitleOf(profile, *pprof), .root = ServiceOf(profile), .root_label = RootLabel(profile.kind)});
    }
    const absl::Status written = folder_.Write(absl::StrCat(name, std::string(profile::SuffixOf(format))),
                                               format == FileFormat::kPprof ? profile.pprof_gz : drawn);
    if (!written.ok()) return ToAnswer(written);
  }
  if (absl::Status synced = folder_.Sync(); !synced.ok()) return ToAnswer(synced);
  return ToAnswer(folder_.RemoveOld(absl::Now()));
}

}  // namespace sonde::exporting
