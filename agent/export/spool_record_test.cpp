#include "agent/export/spool_record.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

SpoolHeader HeaderOfARecord() {
  return {.number = 0x0102030405060708,
          .skipped = 5,
          .sequence = 99,
          .instance = "8d7f2b1c-1111-4222-8333-944455556666",
          .boot_id = "0a0b0c0d-2222-4333-8444-a55566667777",
          .boot_ns = 123'456'789'012,
          .wall_seconds = 1'795'000'000};
}

profile::EncodedProfile ProfileOfARecord() {
  profile::EncodedProfile profile;
  profile.kind = profile::Kind::kOffCpu;
  profile.labels = {{"node", "n1"}, {"service_name", "web"}};
  profile.start_unix_ns = 1'795'000'000'000'000'001;
  profile.pprof_gz = std::string("\x1f\x8b\0SNDR", 7);
  return profile;
}

std::string Record() { return EncodeSpoolRecord(HeaderOfARecord(), ProfileOfARecord()).value(); }

TEST(SpoolRecord, ComesBackWithItsOwnKey) {
  const std::string record = Record();
  ASSERT_TRUE(IsSpoolRecordIntact(record));
  const std::optional<SpoolHeader> header = ParseSpoolHeader(record);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->number, HeaderOfARecord().number);
  EXPECT_EQ(header->skipped, 5u);
  EXPECT_EQ(header->boot_id, HeaderOfARecord().boot_id);
  EXPECT_EQ(header->boot_ns, HeaderOfARecord().boot_ns);
  EXPECT_EQ(header->wall_seconds, HeaderOfARecord().wall_seconds);
  EXPECT_EQ(header->RecordBytes(), record.size());
  const absl::StatusOr<profile::EncodedProfile> profile = DecodeSpoolRecord(*header, record);
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->instance, HeaderOfARecord().instance);
  EXPECT_EQ(profile->sequence, 99u);
  EXPECT_EQ(profile->kind, profile::Kind::kOffCpu);
  EXPECT_EQ(profile->labels, ProfileOfARecord().labels);
  EXPECT_EQ(profile->start_unix_ns, ProfileOfARecord().start_unix_ns);
  EXPECT_EQ(profile->pprof_gz, ProfileOfARecord().pprof_gz);
}

TEST(SpoolRecord, KnowsTheLastOfItsWindow) {
  for (const bool is_last : {false, true}) {
    profile::EncodedProfile profile = ProfileOfARecord();
    profile.ends_window = is_last;
    const std::string record = EncodeSpoolRecord(HeaderOfARecord(), profile).value();
    EXPECT_EQ(DecodeSpoolRecord(*ParseSpoolHeader(record), record)->ends_window, is_last);
  }
}

// What other versions of the agent, before and after this one, must be able to read.
TEST(SpoolRecord, HasTheWrittenLayout) {
  const std::string record = Record();
  EXPECT_EQ(record.substr(0, 4), "SNDR");
  EXPECT_EQ(record.substr(12, 4), std::string("\1\0\0\0", 4));
  EXPECT_EQ(static_cast<size_t>(static_cast<unsigned char>(record[16])), record.size() - 124);
  EXPECT_EQ(record.substr(24, 8), "\x08\x07\x06\x05\x04\x03\x02\x01");
  EXPECT_EQ(record.substr(32, 8), std::string("\x63\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(record.substr(48, 36), HeaderOfARecord().instance);
  EXPECT_EQ(record.substr(84, 36), HeaderOfARecord().boot_id);
}

TEST(SpoolRecord, IsNotIntactWithAnyBitFlipped) {
  const std::string record = Record();
  for (size_t at = 0; at < record.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = record;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      EXPECT_FALSE(IsSpoolRecordIntact(damaged)) << at;
      EXPECT_EQ(ParseSpoolHeader(damaged).has_value(), (at >= 4 && at < 8) || at >= kSpoolHeaderBytes) << at;
    }
  }
}

TEST(SpoolRecord, IsNotIntactWhenCutAnywhere) {
  const std::string record = Record();
  for (size_t bytes = 0; bytes < record.size(); ++bytes) EXPECT_FALSE(IsSpoolRecordIntact(record.substr(0, bytes)));
}

TEST(SpoolRecord, RefusesWhatNoRecordCanHold) {
  SpoolHeader header = HeaderOfARecord();
  header.instance += "x";
  EXPECT_EQ(EncodeSpoolRecord(header, ProfileOfARecord()).status().code(), absl::StatusCode::kInvalidArgument);
  profile::EncodedProfile large = ProfileOfARecord();
  large.pprof_gz.resize(kMaxSpoolPayloadBytes);
  EXPECT_EQ(EncodeSpoolRecord(HeaderOfARecord(), large).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace sonde::exporting
