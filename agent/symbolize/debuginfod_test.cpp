#include "agent/symbolize/debuginfod.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace sonde::symbolize {
namespace {

// A server of debug files, one request a connection.
class DebugServer {
 public:
  using Files = std::map<std::string, std::string>;
  explicit DebugServer(Files files) : files_(std::move(files)) {
    socket_.Reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket_.Get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.Get(), 8), 0);
    EXPECT_EQ(::getsockname(socket_.Get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    url_ = absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~DebugServer() {
    ::shutdown(socket_.Get(), SHUT_RDWR);
    thread_.join();
  }
  const std::string& Url() const { return url_; }
  int Requests() const { return requests_; }

 private:
  void Serve() {
    while (true) {
      const base::UniqueFd peer(::accept4(socket_.Get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.IsValid()) return;
      std::string request(4'096, '\0');
      const ssize_t got = ::read(peer.Get(), request.data(), request.size());
      request.resize(got > 0 ? static_cast<size_t>(got) : 0);
      ++requests_;
      const std::string answer = AnswerTo(request.substr(0, request.find(" HTTP")));
      EXPECT_EQ(::send(peer.Get(), answer.data(), answer.size(), MSG_NOSIGNAL), static_cast<ssize_t>(answer.size()));
    }
  }
  std::string AnswerTo(const std::string& line) const {
    for (const auto& [build_id, content] : files_) {
      if (line != absl::StrCat("GET /buildid/", build_id, "/debuginfo")) continue;
      return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", content.size(), "\r\nConnection: close\r\n\r\n",
                          content);
    }
    return "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nConnection: close\r\n\r\nnothing";
  }

  const Files files_;
  base::UniqueFd socket_;
  std::string url_;
  std::atomic<int> requests_ = 0;
  std::thread thread_;
};

constexpr char kId[] = "0123456789abcdef", kOther[] = "fedcba9876543210";

class DebuginfodTest : public testing::Test {
 protected:
  ~DebuginfodTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Debuginfod> Start(Debuginfod::Options options, uint64_t max_bytes = 1'000'000) {
    options.now_ns = [this] { return now_ns_.load(); };
    auto cache = DebugCache::Open(folder_ + "/cache", max_bytes);
    EXPECT_TRUE(cache.ok()) << cache.status();
    return cache.ok() ? std::make_unique<Debuginfod>(std::move(options), *std::move(cache)) : nullptr;
  }
  // What it has in the end: its text, or why there is none.
  static std::string Await(Debuginfod* debuginfod, const std::string& build_id) {
    while (true) {
      const Debuginfod::Found found = debuginfod->Find(build_id);
      std::string text(found.size_bytes, '\0');
      if (found.fd.IsValid() && ::read(found.fd.Get(), text.data(), text.size()) >= 0) return text;
      if (found.state.find("asked for") == std::string::npos || found.state.find("no server") != std::string::npos)
        return found.state;
      absl::SleepFor(absl::Milliseconds(1));
    }
  }
  size_t FilesKept() const {
    size_t count = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder_ + "/cache")) ++count;
    return count;
  }

  const std::string folder_ = testing::TempDir() + "debuginfod_" + std::to_string(::getpid());
  std::atomic<uint64_t> now_ns_ = 1;
};

TEST_F(DebuginfodTest, FetchesAFileOnceAndKeepsIt) {
  DebugServer server(DebugServer::Files{{kId, "the debug file"}});
  auto debuginfod = Start({.urls = {server.Url() + "/"}});
  EXPECT_EQ(debuginfod->Find(kId).state, "it is being asked for");
  EXPECT_EQ(Await(debuginfod.get(), kId), "the debug file");
  while (debuginfod->TakeArrived() != std::vector<std::string>{kId}) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(debuginfod->TakeArrived().empty());
  debuginfod = Start({.urls = {server.Url()}});
  EXPECT_TRUE(debuginfod->Find(kId).fd.IsValid()) << "another run finds it";
  EXPECT_EQ(server.Requests(), 1);
}

TEST_F(DebuginfodTest, AsksTheNextServerForWhatOneDoesNotHave) {
  DebugServer first(DebugServer::Files{}), second(DebugServer::Files{{kId, "of the second"}});
  auto debuginfod = Start({.urls = {first.Url(), second.Url()}});
  EXPECT_EQ(Await(debuginfod.get(), kId), "of the second");
}

TEST_F(DebuginfodTest, AsksAgainForWhatNobodyHasAfterAnHour) {
  DebugServer server(DebugServer::Files{});
  auto debuginfod = Start({.urls = {server.Url()}});
  EXPECT_EQ(Await(debuginfod.get(), kId), "it is unknown to the server");
  EXPECT_EQ(Await(debuginfod.get(), kId), "it is unknown to the server");
  EXPECT_EQ(server.Requests(), 1);
  now_ns_ += 3'600'000'000'000;
  EXPECT_EQ(Await(debuginfod.get(), kId), "it is unknown to the server");
  EXPECT_EQ(server.Requests(), 2);
  EXPECT_EQ(FilesKept(), 0U);
}

TEST_F(DebuginfodTest, KeepsToItsBudgetOfAnHour) {
  DebugServer server(DebugServer::Files{{kId, std::string(600, 'a')}, {kOther, std::string(600, 'b')}});
  auto debuginfod = Start({.urls = {server.Url()}, .max_hourly_bytes = 1'000});
  EXPECT_EQ(Await(debuginfod.get(), kId), std::string(600, 'a'));
  EXPECT_EQ(Await(debuginfod.get(), kOther), "it is larger than the budget, or the disk is full");
  now_ns_ += 3'600'000'000'000;
  EXPECT_EQ(Await(debuginfod.get(), kOther), std::string(600, 'b'));
}

TEST_F(DebuginfodTest, MakesRoomForNewFiles) {
  DebugServer server(DebugServer::Files{{kId, std::string(600, 'a')}, {kOther, std::string(600, 'b')}});
  auto debuginfod = Start({.urls = {server.Url()}}, /*max_bytes=*/1'000);
  EXPECT_EQ(Await(debuginfod.get(), kId), std::string(600, 'a'));
  EXPECT_EQ(Await(debuginfod.get(), kOther), std::string(600, 'b'));
  while (FilesKept() > 1) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(debuginfod->Find(kOther).fd.IsValid());
}

TEST_F(DebuginfodTest, EndsWhileAServerIsSilent) {
  const base::UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::bind(silent.Get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(silent.Get(), 8), 0);
  ASSERT_EQ(::getsockname(silent.Get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  auto debuginfod = Start({.urls = {absl::StrCat("http://127.0.0.1:", ntohs(address.sin_port))}});
  debuginfod->Find(kId);
  const base::UniqueFd peer(::accept4(silent.Get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(debuginfod->Find(kOther).state, "it is being asked for");
  debuginfod.reset();
  EXPECT_EQ(FilesKept(), 0U) << "nothing unfinished stays";
}

TEST_F(DebuginfodTest, KeepsNothingInAFolderOfOthers) {
  std::filesystem::create_directories(folder_ + "/cache");
  std::filesystem::permissions(folder_ + "/cache", std::filesystem::perms(0777));
  EXPECT_TRUE(absl::IsFailedPrecondition(DebugCache::Open(folder_ + "/cache", 1).status()));
}

TEST_F(DebuginfodTest, AsksForNothingThatIsNoBuildId) {
  DebugServer server(DebugServer::Files{});
  auto debuginfod = Start({.urls = {server.Url()}});
  for (const char* id : {"", "../../etc/passwd", "01", "ABCDEF0123456789"})
    EXPECT_EQ(debuginfod->Find(id).state, "it has no build id");
}

TEST(DebuginfodUrls, AreThoseOfTheSettingOrOfTheEnvironment) {
  EXPECT_EQ(DebuginfodUrls(" https://a  http://b "), (std::vector<std::string>{"https://a", "http://b"}));
  ::setenv("DEBUGINFOD_URLS", "https://c https://d", 1);
  EXPECT_EQ(DebuginfodUrls("environment"), (std::vector<std::string>{"https://c", "https://d"}));
  ::unsetenv("DEBUGINFOD_URLS");
  EXPECT_TRUE(DebuginfodUrls("environment").empty());
  EXPECT_TRUE(DebuginfodUrls("").empty());
}

}  // namespace
}  // namespace sonde::symbolize
