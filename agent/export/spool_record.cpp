#include "agent/export/spool_record.h"

#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/crc32c.h"
#include "profile/kind.h"
#include "proto/sonde/spool/v1/spool.pb.h"

namespace sonde::exporting {
namespace {

constexpr std::string_view kMagic = "SNDR";
constexpr uint32_t kVersion = 1;
constexpr size_t kIdBytes = 36;
constexpr size_t kSumAt = 4, kHeaderSumAt = 8, kSummedFrom = 12;

template <typename Number>
void AppendNumber(Number number, std::string* out) {
  for (size_t i = 0; i < sizeof(Number); ++i) out->push_back(static_cast<char>((number >> (8 * i)) & 0xff));
}

// Takes a number off the front.
template <typename Number>
Number TakeNumber(std::string_view* bytes) {
  Number number = 0;
  for (size_t i = 0; i < sizeof(Number); ++i) number |= Number{static_cast<unsigned char>((*bytes)[i])} << (8 * i);
  bytes->remove_prefix(sizeof(Number));
  return number;
}

void AppendId(std::string id, std::string* out) {
  id.resize(kIdBytes, '\0');
  *out += id;
}

std::string TakeId(std::string_view* bytes) {
  const std::string_view padded = bytes->substr(0, kIdBytes);
  bytes->remove_prefix(kIdBytes);
  return std::string(padded.substr(0, padded.find('\0')));
}

uint32_t NumberAt(std::string_view bytes, size_t at) {
  std::string_view from = bytes.substr(at);
  return TakeNumber<uint32_t>(&from);
}

std::string SumOf(std::string_view bytes) {
  std::string sum;
  AppendNumber(base::Crc32c(bytes), &sum);
  return sum;
}

std::string Payload(const profile::EncodedProfile& profile) {
  sonde::spool::v1::Profile payload;
  payload.set_kind(std::string(profile::KindName(profile.kind)));
  for (const auto& [name, value] : profile.labels) {
    sonde::spool::v1::Label* label = payload.add_labels();
    label->set_name(name);
    label->set_value(value);
  }
  payload.set_start_unix_ns(profile.start_unix_ns);
  payload.set_pprof_gz(profile.pprof_gz);
  payload.set_ends_window(profile.ends_window);
  return payload.SerializeAsString();
}

}  // namespace

absl::StatusOr<std::string> EncodeSpoolRecord(SpoolHeader header, const profile::EncodedProfile& profile) {
  if (header.instance.size() > kIdBytes || header.boot_id.size() > kIdBytes) {
    return absl::InvalidArgumentError("spool: an id has more than 36 characters");
  }
  const std::string payload = Payload(profile);
  if (payload.size() > kMaxSpoolPayloadBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a profile of ", payload.size(), " bytes is too large to spool"));
  }
  std::string record(kMagic);
  record.reserve(kSpoolHeaderBytes + payload.size());
  record.append(kSummedFrom - kMagic.size(), '\0');
  AppendNumber(kVersion, &record);
  AppendNumber(static_cast<uint32_t>(payload.size()), &record);
  AppendNumber(header.skipped, &record);
  AppendNumber(header.number, &record);
  AppendNumber(header.sequence, &record);
  AppendNumber(header.boot_ns, &record);
  AppendId(std::move(header.instance), &record);
  AppendId(std::move(header.boot_id), &record);
  AppendNumber(header.wall_seconds, &record);
  record.replace(kHeaderSumAt, 4, SumOf(std::string_view(record).substr(kSummedFrom)));
  record += payload;
  record.replace(kSumAt, 4, SumOf(std::string_view(record).substr(kSummedFrom)));
  return record;
}

std::optional<SpoolHeader> ParseSpoolHeader(std::string_view bytes) {
  if (bytes.size() < kSpoolHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) return std::nullopt;
  const std::string_view summed = bytes.substr(kSummedFrom, kSpoolHeaderBytes - kSummedFrom);
  if (NumberAt(bytes, kHeaderSumAt) != base::Crc32c(summed)) return std::nullopt;
  std::string_view rest = summed;
  SpoolHeader header;
  if (TakeNumber<uint32_t>(&rest) != kVersion) return std::nullopt;
  header.payload_bytes = TakeNumber<uint32_t>(&rest);
  if (header.payload_bytes > kMaxSpoolPayloadBytes) return std::nullopt;
  header.skipped = TakeNumber<uint32_t>(&rest);
  header.number = TakeNumber<uint64_t>(&rest);
  header.sequence = TakeNumber<uint64_t>(&rest);
  header.boot_ns = TakeNumber<uint64_t>(&rest);
  header.instance = TakeId(&rest);
  header.boot_id = TakeId(&rest);
  header.wall_seconds = TakeNumber<uint32_t>(&rest);
  return header;
}

bool IsSpoolRecordIntact(std::string_view record) {
  const std::optional<SpoolHeader> header = ParseSpoolHeader(record);
  return header.has_value() && header->RecordBytes() == record.size() &&
         NumberAt(record, kSumAt) == base::Crc32c(record.substr(kSummedFrom));
}

absl::StatusOr<profile::EncodedProfile> DecodeSpoolRecord(const SpoolHeader& header, std::string_view record) {
  sonde::spool::v1::Profile payload;
  const std::string_view bytes = record.substr(kSpoolHeaderBytes);
  if (!payload.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(absl::StrCat("spool: record ", header.number, " holds no profile"));
  }
  const std::optional<profile::Kind> kind = profile::ParseKind(payload.kind());
  if (!kind.has_value()) {
    return absl::DataLossError(absl::StrCat("spool: record ", header.number, " is of a kind unknown here"));
  }
  profile::EncodedProfile profile;
  profile.kind = *kind;
  for (const sonde::spool::v1::Label& label : payload.labels()) profile.labels[label.name()] = label.value();
  profile.start_unix_ns = payload.start_unix_ns();
  profile.ends_window = payload.ends_window();
  profile.instance = header.instance;
  profile.sequence = header.sequence;
  profile.pprof_gz = std::move(*payload.mutable_pprof_gz());
  return profile;
}

size_t FindSpoolMagic(std::string_view bytes, size_t from) { return bytes.find(kMagic, from); }

}  // namespace sonde::exporting
