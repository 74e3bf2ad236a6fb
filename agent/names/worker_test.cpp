#include "agent/names/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <thread>

#include "agent/names/name_wire.h"

namespace sonde::names {
namespace {

// The worker's code on a thread of this process: without its sandbox, which is asked of the real one in
// agent/symbolize.
class WorkerTest : public testing::Test {
 protected:
  WorkerTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours_ = PacketSocket(base::UniqueFd(ends[0]));
    thread_ = std::thread([this, theirs = ends[1]] {
      Worker worker(PacketSocket(base::UniqueFd(theirs)), 1);
      status_ = worker.Serve(Hello{});
    });
    EXPECT_TRUE(ours_.Receive(absl::Minutes(1)).ok());
  }
  ~WorkerTest() override { End(); }
  void End() {
    ours_ = PacketSocket();
    if (thread_.joinable()) thread_.join();
  }

  std::string Ask(const Request& request, int fd = -1) {
    EXPECT_TRUE(ours_.Send(Encode(request), {&fd, fd >= 0 ? size_t{1} : size_t{0}}, absl::Minutes(1)).ok());
    auto packet = ours_.Receive(absl::Minutes(1));
    EXPECT_TRUE(packet.ok()) << packet.status();
    return packet.ok() ? packet->bytes : "";
  }
  FileReply Open(uint64_t key, const std::string& path) {
    base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Request request;
    request.key = key;
    request.size_bytes = std::filesystem::file_size(path);
    auto reply = DecodeFileReply(Ask(request, fd.Get()));
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : FileReply();
  }
  PlacesReply Resolve(uint64_t key, std::vector<uint64_t> offsets) {
    Request request;
    request.kind = RequestKind::kResolve;
    request.key = key;
    request.offsets = std::move(offsets);
    auto reply = DecodePlacesReply(Ask(request));
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : PlacesReply();
  }

  PacketSocket ours_;
  std::thread thread_;
  absl::Status status_;
};

TEST_F(WorkerTest, AnswersForAllOffsetsOfAFile) {
  const FileReply file = Open(1, "/proc/self/exe");
  EXPECT_EQ(file.verdict, FileVerdict::kOk) << file.why;
  ASSERT_FALSE(file.segments.empty());
  const uint64_t middle = file.segments[0].file_offset + file.segments[0].file_size / 2;
  const PlacesReply reply = Resolve(1, {middle, 0xffffffffffff});
  EXPECT_TRUE(reply.is_last);
  ASSERT_EQ(reply.places.size(), 2U);
  EXPECT_TRUE(reply.places[1].empty());
}

TEST_F(WorkerTest, SaysWhichFilesItDoesNotHave) {
  EXPECT_EQ(Resolve(9, {1}).verdict, FileVerdict::kUnknown);
  Open(1, "/proc/self/exe");
  Resolve(1, {1});
  Open(2, "/bin/sh");  // with room for one byte, the one just opened stays alone
  EXPECT_EQ(Resolve(1, {1}).verdict, FileVerdict::kUnknown);
  EXPECT_EQ(Resolve(2, {1}).verdict, FileVerdict::kOk);
}

TEST_F(WorkerTest, TellsWhatIsNoElfFileAndGoesOn) {
  EXPECT_EQ(Open(1, "/proc/version").verdict, FileVerdict::kNoElf);
  Request without_descriptor;
  const auto reply = DecodeFileReply(Ask(without_descriptor));
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->verdict, FileVerdict::kUnreadable);
  EXPECT_EQ(Open(2, "/bin/sh").verdict, FileVerdict::kOk);
}

TEST_F(WorkerTest, EndsWhenTheAgentDoes) {
  End();
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(WorkerTest, EndsAtNonsense) {
  EXPECT_TRUE(ours_.Send("nonsense", {}, absl::Minutes(1)).ok());
  EXPECT_FALSE(ours_.Receive(absl::Minutes(1)).ok());
  End();
  EXPECT_FALSE(status_.ok());
}

}  // namespace
}  // namespace sonde::names
