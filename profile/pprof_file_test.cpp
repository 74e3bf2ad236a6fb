#include "profile/pprof_file.h"

#include <gtest/gtest.h>

#include <random>

namespace sonde::profile {
namespace {

constexpr size_t kLimit = size_t{1} << 20;

Pprof SmallProfile() {
  PprofBuilder builder(Kind::kWall, 5, 60, 1);
  uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
  PprofBuilder::Line line{.name = "main", .system_name = "", .filename = "", .line = 0};
  uint64_t stack[] = {builder.AddLocation(mapping, 0x10, {&line, 1})};
  int64_t values[] = {42};
  builder.AddSample(stack, values, {{"reason", "on-cpu"}});
  return std::move(builder).Build();
}

// The message of a refusal; fails the test when there was none.
std::string Refusal(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  return std::string(status.message());
}

std::string RefusalOf(const Pprof& profile) { return Refusal(Check(profile)); }

TEST(PprofFile, ReadsBackWhatItWrote) {
  Pprof profile = SmallProfile();
  auto decoded = Decode(Encode(profile), kLimit);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->SerializeAsString(), profile.SerializeAsString());
}

TEST(PprofFile, ReadsPlainProtobufToo) { EXPECT_TRUE(Decode(SmallProfile().SerializeAsString(), kLimit).ok()); }

TEST(PprofFile, ReadsSeveralGzipMembersAsOneFile) {
  PprofBuilder empty(Kind::kWall, 0, 0, 1);
  Pprof header = std::move(empty).Build();
  Pprof tail;
  tail.set_doc_url(0);
  tail.set_time_nanos(77);
  auto decoded = Decode(Encode(header) + Encode(tail), kLimit);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->time_nanos(), 77);
}

TEST(PprofFile, RefusesEveryTruncationOfAFile) {
  std::string bytes = Encode(SmallProfile());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(Decode(bytes.substr(0, length), kLimit).ok()) << "cut at " << length;
  }
  EXPECT_NE(Refusal(Decode(bytes.substr(0, bytes.size() / 2), kLimit).status()).find("cut off"), std::string::npos);
}

TEST(PprofFile, RefusesBytesThatAreNoPprof) {
  EXPECT_FALSE(Decode("", kLimit).ok());
  EXPECT_FALSE(Decode("hello, this is text", kLimit).ok());
  EXPECT_FALSE(Decode("\x1f\x8b garbage", kLimit).ok());
}

TEST(PprofFile, SurvivesAnyFlippedBytes) {
  std::mt19937 random(1);
  const std::string plain = SmallProfile().SerializeAsString();
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = plain;
    for (int flips = 0; flips < 3; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    auto decoded = Decode(bytes, kLimit);
    if (decoded.ok()) {
      EXPECT_TRUE(Check(*decoded).ok());
    }
  }
}

TEST(PprofFile, StopsInflatingAtTheLimit) {
  Pprof bomb = SmallProfile();
  bomb.add_string_table(std::string(64 << 20, 'x'));
  std::string bytes = Encode(bomb);
  ASSERT_LT(bytes.size(), kLimit);
  absl::Status status = Decode(bytes, kLimit).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NE(std::string(status.message()).find("1048576"), std::string::npos) << status;
}

TEST(PprofFile, TakesAProfileOfExactlyTheLimit) {
  std::string plain = SmallProfile().SerializeAsString();
  EXPECT_TRUE(Decode(Encode(SmallProfile()), plain.size()).ok());
  EXPECT_EQ(Decode(Encode(SmallProfile()), plain.size() - 1).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Decode(plain, plain.size() - 1).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(PprofFile, RefusesMillionsOfTinyEntriesBeforeBuildingThem) {
  std::string bomb;
  for (int i = 0; i < 2'000'000; ++i) bomb += std::string("\x32\x00", 2);  // an empty string
  EXPECT_EQ(Decode(bomb, size_t{64} << 20).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(PprofFile, CountsSamplesAsItReadsThem) {
  Pprof profile = SmallProfile();
  for (int i = 0; i < 1000; ++i) *profile.add_sample() = profile.sample(0);
  const auto samples = static_cast<size_t>(profile.sample_size());
  EXPECT_EQ(CountSamples(Encode(profile), kLimit).value(), samples);
  EXPECT_EQ(CountSamples(profile.SerializeAsString(), kLimit).value(), samples);
  EXPECT_FALSE(CountSamples("no pprof", kLimit).ok());
  EXPECT_FALSE(CountSamples(Encode(profile), 10).ok());
}

TEST(PprofFile, NamesInvalidUtf8AsTheReason) {
  Pprof profile = SmallProfile();
  std::string bytes = profile.SerializeAsString();
  size_t at = bytes.find("main");
  ASSERT_NE(at, std::string::npos);
  bytes[at] = '\xFF';
  EXPECT_NE(Refusal(Decode(bytes, kLimit).status()).find("UTF-8"), std::string::npos);
}

TEST(Check, RefusesAStringTableWithoutTheEmptyString) {
  EXPECT_NE(RefusalOf(Pprof()).find("string table"), std::string::npos);
  Pprof profile = SmallProfile();
  profile.set_string_table(0, "x");
  EXPECT_NE(RefusalOf(profile).find("string table"), std::string::npos);
}

TEST(Check, RefusesIndicesBeyondTheStringTable) {
  Pprof type = SmallProfile();
  type.mutable_sample_type(0)->set_unit(999);
  EXPECT_NE(RefusalOf(type).find("sample type"), std::string::npos);
  Pprof negative = SmallProfile();
  negative.mutable_function(0)->set_name(-1);
  EXPECT_NE(RefusalOf(negative).find("function"), std::string::npos);
  Pprof label = SmallProfile();
  label.mutable_sample(0)->mutable_label(0)->set_str(1'000);
  EXPECT_NE(RefusalOf(label).find("label"), std::string::npos);
  Pprof comment = SmallProfile();
  comment.add_comment(50);
  EXPECT_NE(RefusalOf(comment).find("comment"), std::string::npos);
}

TEST(Check, RefusesIdsThatAreZeroOrUsedTwice) {
  Pprof zero = SmallProfile();
  zero.mutable_location(0)->set_id(0);
  EXPECT_NE(RefusalOf(zero).find("id 0"), std::string::npos);
  Pprof twice = SmallProfile();
  *twice.add_mapping() = twice.mapping(0);
  EXPECT_NE(RefusalOf(twice).find("used twice"), std::string::npos);
}

TEST(Check, RefusesReferencesToWhatIsNotThere) {
  Pprof function = SmallProfile();
  function.mutable_location(0)->mutable_line(0)->set_function_id(9);
  EXPECT_NE(RefusalOf(function).find("no function 9"), std::string::npos);
  Pprof mapping = SmallProfile();
  mapping.mutable_location(0)->set_mapping_id(9);
  EXPECT_NE(RefusalOf(mapping).find("no mapping 9"), std::string::npos);
  Pprof location = SmallProfile();
  location.mutable_sample(0)->set_location_id(0, 9);
  EXPECT_NE(RefusalOf(location).find("no location 9"), std::string::npos);
}

TEST(Check, RefusesSamplesWithTooFewOrTooManyValues) {
  Pprof profile = SmallProfile();
  profile.mutable_sample(0)->add_value(1);
  EXPECT_NE(RefusalOf(profile).find("2 values"), std::string::npos);
}

TEST(Check, RefusesAProfileWithoutSampleTypes) {
  Pprof profile = SmallProfile();
  profile.clear_sample_type();
  EXPECT_NE(RefusalOf(profile).find("no sample type"), std::string::npos);
}

}  // namespace
}  // namespace sonde::profile
