#include "agent/export/debuginfo_uploader.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

namespace debuginfo_wire = parca::debuginfo::v1alpha1;

constexpr char kReasonFirst[] =
    "First time we see this Build ID, and it does not exist in debuginfod, therefore please upload!";
constexpr char kReasonThere[] =
    "Debuginfo already exists and is not marked as invalid, therefore no new upload is needed.";

// A Parca that takes files.
class DebuginfoStore : public debuginfo_wire::DebuginfoService::Service {
 public:
  DebuginfoStore() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  std::string Address() const { return absl::StrCat("127.0.0.1:", port_); }
  // What it says to the question whether it wants a file.
  void Answer(bool wants, const std::string& reason) {
    absl::MutexLock lock(&mutex_);
    wants_ = wants;
    reason_ = reason;
  }
  void SignUrl(const std::string& url) {
    absl::MutexLock lock(&mutex_);
    signed_url_ = url;
  }
  void AnswerToBegin(const grpc::Status& status) {
    absl::MutexLock lock(&mutex_);
    begin_ = status;
  }

  // What it says to all that comes after a file was given.
  void AnswerToUpload(const grpc::Status& status) {
    absl::MutexLock lock(&mutex_);
    upload_ = status;
  }
  // A server without this service.
  void HaveNoService() { has_service_ = false; }

  int Asked() const { return asked_; }
  // By build id, of those marked as finished.
  std::map<std::string, std::string> Files() {
    absl::MutexLock lock(&mutex_);
    return finished_;
  }
  void WaitForChunk() {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&got_chunk_), absl::Seconds(60));
  }

 private:
  grpc::Status ShouldInitiateUpload(grpc::ServerContext*, const debuginfo_wire::ShouldInitiateUploadRequest* request,
                                    debuginfo_wire::ShouldInitiateUploadResponse* response) override {
    ++asked_;
    if (!has_service_) return {grpc::StatusCode::UNIMPLEMENTED, "unknown service"};
    if (request->build_id().size() <= 2) return {grpc::StatusCode::INVALID_ARGUMENT, "unexpectedly short input"};
    absl::MutexLock lock(&mutex_);
    response->set_should_initiate_upload(wants_ && !finished_.contains(request->build_id()));
    response->set_reason(reason_);
    return grpc::Status::OK;
  }

  grpc::Status InitiateUpload(grpc::ServerContext*, const debuginfo_wire::InitiateUploadRequest* request,
                              debuginfo_wire::InitiateUploadResponse* response) override {
    absl::MutexLock lock(&mutex_);
    if (!begin_.ok()) return begin_;
    if (request->size() <= 0 || request->hash().empty()) return {grpc::StatusCode::INVALID_ARGUMENT, "size and hash"};
    auto* how = response->mutable_upload_instructions();
    how->set_build_id(request->build_id());
    how->set_upload_id("upload of " + request->build_id());
    how->set_signed_url(signed_url_);
    how->set_upload_strategy(signed_url_.empty() ? debuginfo_wire::UploadInstructions::UPLOAD_STRATEGY_GRPC
                                                 : debuginfo_wire::UploadInstructions::UPLOAD_STRATEGY_SIGNED_URL);
    return grpc::Status::OK;
  }

  grpc::Status Upload(grpc::ServerContext*, grpc::ServerReader<debuginfo_wire::UploadRequest>* reader,
                      debuginfo_wire::UploadResponse* response) override {
    debuginfo_wire::UploadRequest message;
    if (!reader->Read(&message) || !message.has_info()) return {grpc::StatusCode::UNKNOWN, "no info"};
    const std::string build_id = message.info().build_id();
    if (message.info().upload_id() != "upload of " + build_id) return {grpc::StatusCode::INVALID_ARGUMENT, "upload id"};
    std::string bytes;
    while (reader->Read(&message)) {
      bytes += message.chunk_data();
      absl::MutexLock lock(&mutex_);
      got_chunk_ = true;
    }
    response->set_size(bytes.size());
    absl::MutexLock lock(&mutex_);
    if (!upload_.ok()) return upload_;
    uploaded_[build_id] = bytes;
    return grpc::Status::OK;
  }

  grpc::Status MarkUploadFinished(grpc::ServerContext*, const debuginfo_wire::MarkUploadFinishedRequest* request,
                                  debuginfo_wire::MarkUploadFinishedResponse*) override {
    absl::MutexLock lock(&mutex_);
    if (request->upload_id() != "upload of " + request->build_id())
      return {grpc::StatusCode::INVALID_ARGUMENT, "upload id"};
    finished_[request->build_id()] = uploaded_[request->build_id()];
    return grpc::Status::OK;
  }

  int port_ = 0;
  std::atomic<int> asked_ = 0;
  std::atomic<bool> has_service_ = true;
  absl::Mutex mutex_;
  bool wants_ ABSL_GUARDED_BY(mutex_) = true;
  std::string reason_ ABSL_GUARDED_BY(mutex_) = kReasonFirst;
  std::string signed_url_ ABSL_GUARDED_BY(mutex_);
  grpc::Status begin_ ABSL_GUARDED_BY(mutex_);
  grpc::Status upload_ ABSL_GUARDED_BY(mutex_);
  bool got_chunk_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, std::string> uploaded_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> finished_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
};

// Takes one HTTP request, and answers with `code`.
class OneRequest {
 public:
  explicit OneRequest(int code) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), code_(code) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(fd_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(fd_.Get(), 1);
    socklen_t length = sizeof(address);
    getsockname(fd_.Get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~OneRequest() { Join(); }

  std::string Url() const { return absl::StrCat("http://127.0.0.1:", port_, "/objects/abc?signature=1"); }
  // All that it got, once it has answered.
  const std::string& Got() {
    Join();
    return got_;
  }

 private:
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  void Serve() {
    const base::UniqueFd client(accept(fd_.Get(), nullptr, nullptr));
    char buffer[65536];
    size_t wanted = std::string::npos;
    while (got_.size() < wanted) {
      const ssize_t bytes = read(client.Get(), buffer, sizeof(buffer));
      if (bytes <= 0) return;
      got_.append(buffer, static_cast<size_t>(bytes));
      const size_t head = got_.find("\r\n\r\n");
      if (wanted != std::string::npos || head == std::string::npos) continue;
      const size_t length = got_.find("Content-Length: ");
      if (length > head) return;
      wanted = head + 4 + static_cast<size_t>(std::stoul(got_.substr(length + 16)));
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      if (absl::StrContains(got_, "100-continue")) (void)!write(client.Get(), go_on.data(), go_on.size());
    }
    const std::string answer =
        absl::StrCat("HTTP/1.1 ", code_, " Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    (void)!write(client.Get(), answer.data(), answer.size());
  }

  base::UniqueFd fd_;
  const int code_;
  int port_ = 0;
  std::string got_;
  std::thread thread_;
};

class BytesForTest : public DebuginfoBytes {
 public:
  explicit BytesForTest(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t SizeBytes() const override { return bytes_.size(); }
  bool ReadAt(uint64_t offset, std::span<char> out) const override {
    if (bytes_.starts_with("unreadable")) return false;
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return true;
  }

 private:
  const std::string bytes_;
};

// What a file is called is its build id, "" of one that is called "none"; of "stripped" there is nothing to give.
class SourceForTest : public DebuginfoSource {
 public:
  std::string BuildIdOf(const model::ExecutableFile& program) const override {
    return program.path == "none" ? "" : program.path;
  }
  absl::StatusOr<std::unique_ptr<DebuginfoBytes>> Open(const model::ExecutableFile& program,
                                                       const std::string&) const override {
    if (program.path == "stripped" || program.identity.inode == stripped_inode)
      return absl::NotFoundError("it names nothing");
    return std::make_unique<BytesForTest>(bytes);
  }
  std::string bytes = "bytes";
  uint64_t stripped_inode = 0;
};

model::ExecutableFilePtr ProgramFile(const std::string& build_id) {
  static uint64_t next_inode = 1;
  auto file = std::make_shared<model::ExecutableFile>();
  file->kind = model::CodeKind::kFile;
  file->path = build_id;
  file->identity = {.device = 1, .inode = next_inode++, .size_bytes = 1, .mtime_ns = 1};
  file->fd = base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return file;
}

class DebuginfoUploaderTest : public testing::Test {
 protected:
  void StartUploader(DebuginfoLimits limits = {.bytes_per_second = 1 << 30}) {
    ExportTarget target{.endpoint = parca_.Address()};
    target.backoff_initial = target.backoff_cap = absl::Milliseconds(100);
    uploader_ = std::make_unique<DebuginfoUploader>(target, limits, &source_, &losses_);
    uploader_->Start();
  }
  // Offers `file` and waits until it is settled.
  DebuginfoStats Offer(const model::ExecutableFilePtr& file) {
    uploader_->Offer({&file, 1});
    for (int i = 0; i < 6'000 && uploader_->Stats().waiting > 0; ++i) absl::SleepFor(absl::Milliseconds(10));
    return uploader_->Stats();
  }

  DebuginfoStore parca_;
  SourceForTest source_;
  telemetry::LossLedger losses_;
  std::unique_ptr<DebuginfoUploader> uploader_;
};

TEST_F(DebuginfoUploaderTest, GivesWhatTheServerAsksForToTheLastByte) {
  source_.bytes.resize(700'001);
  for (size_t i = 0; i < source_.bytes.size(); ++i) source_.bytes[i] = static_cast<char>(i * 7 + i / 1000);
  StartUploader();
  const DebuginfoStats stats = Offer(ProgramFile("abcdef"));
  EXPECT_EQ(parca_.Files()["abcdef"], source_.bytes);
  EXPECT_EQ(stats.uploaded, 1u);
  EXPECT_EQ(stats.uploaded_bytes, source_.bytes.size());
  EXPECT_EQ(stats.last_error, "");
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(DebuginfoUploaderTest, PutsItToASignedUrlWithItsLength) {
  OneRequest store(200);
  parca_.SignUrl(store.Url());
  source_.bytes = std::string(300'000, 'y');
  StartUploader();
  EXPECT_EQ(Offer(ProgramFile("abcdef")).uploaded, 1u);
  const std::string& got = store.Got();
  EXPECT_THAT(got, testing::StartsWith("PUT /objects/abc?signature=1 HTTP/1.1\r\n"));
  EXPECT_THAT(got.substr(0, got.find("\r\n\r\n")), testing::HasSubstr("Content-Length: 300000"));
  EXPECT_EQ(got.substr(got.find("\r\n\r\n") + 4), source_.bytes);
  EXPECT_TRUE(parca_.Files().contains("abcdef"));
}

TEST_F(DebuginfoUploaderTest, DoesNotSayThatItIsThereWhenTheUrlFails) {
  OneRequest store(503);
  parca_.SignUrl(store.Url());
  StartUploader();
  const DebuginfoStats stats = Offer(ProgramFile("abcdef"));
  EXPECT_EQ(stats.uploaded, 0u);
  EXPECT_THAT(stats.last_error, testing::HasSubstr("503"));
  EXPECT_TRUE(parca_.Files().empty());
}

TEST_F(DebuginfoUploaderTest, PutsNothingInClearTextBeyondThisHost) {
  StartUploader();
  // The second is a name of another host to those who connect.
  for (const char* url : {"http://192.0.2.1/objects", "http://127.0.0.1:80@192.0.2.1/objects", "file:///etc/passwd"}) {
    parca_.SignUrl(url);
    Offer(ProgramFile(absl::StrCat("abcdef", url)));
  }
  const DebuginfoStats stats = uploader_->Stats();
  EXPECT_EQ(stats.refused, 3u);
  EXPECT_THAT(stats.last_error, testing::HasSubstr("https"));
  ASSERT_EQ(losses_.Snapshot().size(), 1u);
  EXPECT_EQ(losses_.Snapshot()[0].cause, "debuginfo_refused");
}

TEST_F(DebuginfoUploaderTest, AsksOnceForABuildIdWhateverFilesItIsIn) {
  StartUploader();
  const model::ExecutableFilePtr file = ProgramFile("abcdef");
  Offer(file);
  Offer(file);
  Offer(ProgramFile("abcdef"));
  Offer(ProgramFile("none"));
  EXPECT_EQ(parca_.Asked(), 1);
  EXPECT_EQ(parca_.Files().size(), 1u);
}

TEST_F(DebuginfoUploaderTest, GivesNothingThatTheServerHasOrThatWouldNotHelpIt) {
  StartUploader();
  EXPECT_EQ(Offer(ProgramFile("stripped")).nothing_to_give, 1u);
  parca_.Answer(false, kReasonThere);
  EXPECT_EQ(Offer(ProgramFile("abcdef")).not_wanted, 1u);
  EXPECT_EQ(uploader_->Stats().uploaded_bytes, 0u);
  EXPECT_TRUE(parca_.Files().empty());
  EXPECT_TRUE(losses_.Snapshot().empty());
}

TEST_F(DebuginfoUploaderTest, GivesWhatAnotherFileOfTheSameBuildIdHas) {
  const model::ExecutableFilePtr stripped = ProgramFile("abcdef");
  source_.stripped_inode = stripped->identity.inode;
  StartUploader();
  EXPECT_EQ(Offer(stripped).nothing_to_give, 1u);
  EXPECT_EQ(Offer(ProgramFile("abcdef")).uploaded, 1u);
  Offer(stripped);
  EXPECT_EQ(parca_.Asked(), 2);
}

TEST_F(DebuginfoUploaderTest, CountsWhatIsRefusedForGood) {
  parca_.AnswerToBegin({grpc::StatusCode::INVALID_ARGUMENT, "upload size exceeds maximum"});
  StartUploader();
  EXPECT_EQ(Offer(ProgramFile("abcdef")).refused, 1u);
  ASSERT_EQ(losses_.Snapshot().size(), 1u);
  EXPECT_THAT(losses_.Snapshot()[0].consequence, testing::HasSubstr("upload size exceeds maximum"));
}

TEST_F(DebuginfoUploaderTest, MarksNothingAsWholeThatCannotBeReadToItsEndOrWasNotTaken) {
  StartUploader();
  source_.bytes = "unreadable";
  EXPECT_EQ(Offer(ProgramFile("abcdef")).refused, 1u);
  source_.bytes = "bytes";
  parca_.AnswerToUpload({grpc::StatusCode::INTERNAL, "upload debuginfo: disk full"});
  const DebuginfoStats stats = Offer(ProgramFile("abcde0"));
  EXPECT_EQ(stats.uploaded, 0u);
  EXPECT_EQ(stats.refused, 1u);  // the first; the second is tried again later
  EXPECT_THAT(stats.last_error, testing::HasSubstr("disk full"));
  EXPECT_TRUE(parca_.Files().empty());
}

TEST_F(DebuginfoUploaderTest, AsksNoMoreWhereThereIsNoSuchService) {
  parca_.HaveNoService();
  StartUploader();
  Offer(ProgramFile("abcdef"));
  Offer(ProgramFile("abcde0"));
  EXPECT_EQ(parca_.Asked(), 1);
  EXPECT_EQ(uploader_->Stats().refused, 1u);
}

TEST_F(DebuginfoUploaderTest, StopsInTheMiddleOfAFile) {
  source_.bytes = std::string(3'000'000, 'z');
  StartUploader({.bytes_per_second = 1'000});
  const model::ExecutableFilePtr file = ProgramFile("abcdef");
  uploader_->Offer({&file, 1});
  parca_.WaitForChunk();
  const absl::Time before = absl::Now();
  uploader_->Stop();
  // The file alone would have taken most of an hour.
  EXPECT_LT(absl::Now() - before, absl::Seconds(60));
  EXPECT_TRUE(parca_.Files().empty());
}

TEST(DebuginfoAnswers, FollowTheServersReasons) {
  EXPECT_EQ(AnswerOfReason(kReasonThere), DebuginfoAnswer::kServerHas);
  EXPECT_EQ(AnswerOfReason("Debuginfo exists in debuginfod, therefore no upload is necessary."),
            DebuginfoAnswer::kServerHas);
  EXPECT_EQ(AnswerOfReason("Debuginfo is available from debuginfod already and not marked as invalid, therefore no new "
                           "upload is needed."),
            DebuginfoAnswer::kServerHas);
  EXPECT_EQ(AnswerOfReason("A previous upload is still in-progress and not stale yet (only stale uploads can be "
                           "retried)."),
            DebuginfoAnswer::kAskLater);
  EXPECT_EQ(
      AnswerOfReason("Debuginfo already exists and is marked as invalid, but the proposed hash is the same as the "
                     "one already available, therefore the upload is not accepted as it would result in the same "
                     "invalid debuginfos."),
      DebuginfoAnswer::kNeverAsk);
  EXPECT_EQ(AnswerOfReason("something new"), DebuginfoAnswer::kAskLater);
}

}  // namespace
}  // namespace sonde::exporting
