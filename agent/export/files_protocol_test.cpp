#include "agent/export/files_protocol.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/export/target_sender.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "profile/pprof_file.h"

namespace sonde::exporting {
namespace {

using profile::FileFormat;
using testing::HasSubstr;
using testing::StartsWith;

constexpr ProfileFolder::Retention kKeepAll{.max_bytes = uint64_t{1} << 40, .max_age = absl::InfiniteDuration()};
const std::vector<FileFormat> kAllFormats = {FileFormat::kPprof, FileFormat::kFolded, FileFormat::kSpeedscope,
                                             FileFormat::kHtml, FileFormat::kSvg};

class FilesProtocolTest : public testing::Test {
 protected:
  ~FilesProtocolTest() override { std::filesystem::remove_all(path_); }

  static profile::EncodedProfile Waits(uint64_t sequence, const std::string& service) {
    profile::PprofBuilder builder(profile::Kind::kOffCpu, 1'700'000'000'000'000'000, 60'000'000'000, 1);
    const uint64_t mapping = builder.AddMapping("/bin/app", "ab", 0, 0x1000, 0, true);
    const profile::PprofBuilder::Line line{.name = "main", .system_name = "", .filename = "", .line = 0};
    const uint64_t stack[] = {builder.AddLocation(mapping, 1, {&line, 1})};
    const std::vector<int64_t> values = {3, 4'000};
    builder.AddSample(stack, values, {{"reason", "disk"}});
    return {.kind = profile::Kind::kOffCpu,
            .labels = {{"service_name", service}},
            .start_unix_ns = 1'700'000'000'000'000'000,
            .instance = "8d7f2b1c-1111",
            .sequence = sequence,
            .pprof_gz = profile::Encode(std::move(builder).Build())};
  }
  // By suffix: what comes after the first '.' of the names.
  std::map<std::string, std::string> Files() const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::ostringstream text;
      text << std::ifstream(entry.path()).rdbuf();
      files[entry.path().filename()] = text.str();
    }
    return files;
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "sonde_files_protocol_", getpid());
};

TEST_F(FilesProtocolTest, WritesEachFormatUnderTheWindowsName) {
  FilesProtocol protocol(path_, kKeepAll, kAllFormats);
  const profile::EncodedProfile profile = Waits(17, "postgres");
  Rejected rejected;
  const grpc::Status status = protocol.Push(nullptr, profile, &rejected);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const std::map<std::string, std::string> files = Files();
  ASSERT_EQ(files.size(), 5u);
  const std::string name = "sonde-20231114T221320Z-offcpu-postgres-8d7f2b1c-00000017";
  EXPECT_EQ(files.at(name + ".pb.gz"), profile.pprof_gz);
  EXPECT_EQ(files.at(name + ".folded"), "postgres;disk;main 4000\n");
  EXPECT_THAT(files.at(name + ".speedscope.json"), HasSubstr("\"weights\":[4000]"));
  EXPECT_THAT(files.at(name + ".html"), HasSubstr("<h1>postgres offcpu, 2023-11-14 22:13:20 UTC, 1m</h1>"));
  EXPECT_THAT(files.at(name + ".svg"), StartsWith("<svg"));
}

TEST_F(FilesProtocolTest, StaysInItsFolderWhateverAServiceIsCalled) {
  FilesProtocol protocol(path_, kKeepAll, {FileFormat::kPprof});
  Rejected rejected;
  ASSERT_TRUE(protocol.Push(nullptr, Waits(1, "../../etc/\npasswd"), &rejected).ok());
  ASSERT_TRUE(protocol.Push(nullptr, Waits(2, std::string(5000, 'x')), &rejected).ok());
  ASSERT_TRUE(protocol.Push(nullptr, Waits(3, ""), &rejected).ok());
  EXPECT_EQ(Files().size(), 3u);
  EXPECT_TRUE(Files().contains("sonde-20231114T221320Z-offcpu-.._.._etc__passwd-8d7f2b1c-00000001.pb.gz"));
}

TEST_F(FilesProtocolTest, RemovesTheOldest) {
  FilesProtocol protocol(path_, {.max_bytes = 1, .max_age = absl::InfiniteDuration()}, {FileFormat::kPprof});
  Rejected rejected;
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    ASSERT_TRUE(protocol.Push(nullptr, Waits(sequence, "a"), &rejected).ok());
  }
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_TRUE(Files().contains("sonde-20231114T221320Z-offcpu-a-8d7f2b1c-00000003.pb.gz"));
}

TEST_F(FilesProtocolTest, RefusesToDrawWhatIsNoPprof) {
  FilesProtocol protocol(path_, kKeepAll, {FileFormat::kSvg});
  profile::EncodedProfile broken;
  broken.pprof_gz = "no pprof";
  Rejected rejected;
  EXPECT_EQ(protocol.Push(nullptr, broken, &rejected).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(FilesProtocolTest, KeepsProfilesWaitingWhileTheFolderCannotBeWritten) {
  std::ofstream(path_) << "in the way";
  ExportTarget target;
  target.folder = path_;
  target.backoff_initial = absl::Milliseconds(100);
  target.backoff_cap = absl::Milliseconds(200);
  telemetry::LossLedger losses;
  TargetSender sender(
      target,
      [this](const std::shared_ptr<grpc::Channel>&) {
        return std::make_unique<FilesProtocol>(path_, kKeepAll, kAllFormats);
      },
      &losses);
  sender.Start();
  sender.Enqueue(Waits(1, "web"));
  for (int i = 0; i < 300 && sender.Stats().last_error.empty(); ++i) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_THAT(sender.Stats().last_error, HasSubstr(path_));
  EXPECT_EQ(sender.Stats().endpoint, path_);
  EXPECT_EQ(sender.Stats().waiting, 1u);
  std::filesystem::remove(path_);
  sender.Stop(absl::Seconds(30));
  EXPECT_EQ(sender.Stats().sent, 1u);
  EXPECT_EQ(Files().size(), 5u);
  EXPECT_TRUE(losses.Snapshot().empty());
}

}  // namespace
}  // namespace sonde::exporting
