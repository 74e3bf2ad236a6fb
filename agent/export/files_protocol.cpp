#include "agent/export/files_protocol.h"

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "profile/flame.h"
#include "profile/flame_picture.h"
#include "profile/folded.h"
#include "profile/pprof_file.h"
#include "profile/speedscope.h"

namespace sonde::exporting {
namespace {

using profile::EncodedProfile;
using profile::Kind;
using profile::Pprof;

constexpr size_t kMaxDrawnBytes = size_t{256} << 20;  // of a pprof; our own are a fraction of that
constexpr size_t kMaxNameBytes = 64;                  // of a service in a file's name
constexpr size_t kPageNodes = 20'000;                 // some 1 MB of HTML
constexpr size_t kPictureNodes = 5'000;

std::string_view SuffixOf(FileFormat format) {
  switch (format) {
    case FileFormat::kPprof: return ".pb.gz";
    case FileFormat::kFolded: return ".folded";
    case FileFormat::kSpeedscope: return ".speedscope.json";
    case FileFormat::kHtml: return ".html";
    case FileFormat::kSvg: return ".svg";
  }
  return "";
}

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

// REQUIRES: `format` is not kPprof.
std::string Draw(FileFormat format, const EncodedProfile& profile, const Pprof& pprof) {
  const std::string root_label = RootLabel(profile.kind);
  const profile::PictureText text{.title = TitleOf(profile, pprof),
                                  .unit = std::string(profile::SampleTypes(profile.kind).back().unit)};
  if (format == FileFormat::kFolded) return profile::WriteFolded(pprof, -1, ServiceOf(profile), root_label);
  if (format == FileFormat::kSpeedscope) return profile::WriteSpeedscope(pprof, text.title, root_label);
  if (format == FileFormat::kHtml) return profile::WriteHtml(profile::LayOut(pprof, -1, kPageNodes, root_label), text);
  return profile::WriteSvg(profile::LayOut(pprof, -1, kPictureNodes, root_label), text);
}

grpc::Status ToAnswer(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

FilesProtocol::FilesProtocol(std::string folder, ProfileFolder::Retention retention, std::vector<FileFormat> formats)
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
      drawn = Draw(format, profile, *pprof);
    }
    const absl::Status written = folder_.Write(absl::StrCat(name, std::string(SuffixOf(format))),
                                               format == FileFormat::kPprof ? profile.pprof_gz : drawn);
    if (!written.ok()) return ToAnswer(written);
  }
  if (absl::Status synced = folder_.Sync(); !synced.ok()) return ToAnswer(synced);
  return ToAnswer(folder_.RemoveOld(absl::Now()));
}

}  // namespace sonde::exporting
