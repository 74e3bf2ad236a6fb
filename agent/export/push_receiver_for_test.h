#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "proto/push/v1/push.grpc.pb.h"

namespace sonde::exporting {

inline constexpr char kTestInstance[] = "8d7f2b1c-1111-4222-8333-944455556666";

struct ReceivedPush {
  std::string instance;
  std::string sequence;
  std::string id;
  std::string raw;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> metadata;
  std::string peer_name;  // of the client's certificate
  absl::Time at;
};

// Whether `b` is a resend of `a`.
inline bool SamePush(const ReceivedPush& a, const ReceivedPush& b) {
  return a.instance == b.instance && a.sequence == b.sequence && a.id == b.id && a.raw == b.raw && a.labels == b.labels;
}

// A Pyroscope on loopback, as far as pushes go: writes down every push and answers with the codes it was told, then OK.
class PushReceiver : public push::v1::PusherService::Service {
 public:
  ~PushReceiver() override { Stop(); }

  // `port` 0 takes a free one; returns host:port.
  std::string Start(int port = 0,
                    const std::shared_ptr<grpc::ServerCredentials>& credentials = grpc::InsecureServerCredentials()) {
    grpc::ServerBuilder builder;
    int bound = 0;
    builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), credentials, &bound);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    port_ = bound;
    return absl::StrCat("127.0.0.1:", bound);
  }
  void Stop() {
    if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  int Port() const { return port_; }

  void AnswerNext(std::vector<grpc::Status> answers) {
    absl::MutexLock lock(&mutex_);
    answers_.assign(answers.begin(), answers.end());
  }

  // What it says where no other answer is due.
  void AnswerAlways(const grpc::Status& answer) {
    absl::MutexLock lock(&mutex_);
    always_ = answer;
  }

  // A trailer that goes with every answer from now on.
  void SetTrailer(const std::string& key, const std::string& value) {
    absl::MutexLock lock(&mutex_);
    trailers_[key] = value;
  }

  std::vector<ReceivedPush> WaitFor(size_t count) {
    absl::MutexLock lock(&mutex_);
    auto enough = [&]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return received_.size() >= count; };
    mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(30));
    return received_;
  }

 private:
  grpc::Status Push(grpc::ServerContext* context, const push::v1::PushRequest* request,
                    push::v1::PushResponse*) override {
    ReceivedPush push;
    for (const auto& [key, value] : context->client_metadata()) {
      push.metadata[std::string(key.data(), key.size())] = std::string(value.data(), value.size());
    }
    push.instance = push.metadata["sonde-instance"];
    push.sequence = push.metadata["sonde-sequence"];
    for (const grpc::string_ref& name : context->auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME)) {
      push.peer_name = std::string(name.data(), name.size());
    }
    for (const auto& series : request->series()) {
      push.id = series.samples(0).id();
      push.raw = series.samples(0).raw_profile();
      for (const auto& label : series.labels()) push.labels[label.name()] = label.value();
    }
    absl::MutexLock lock(&mutex_);
    push.at = absl::Now();
    received_.push_back(std::move(push));
    for (const auto& [key, value] : trailers_) context->AddTrailingMetadata(key, value);
    if (answers_.empty() && request->series().empty())
      return {grpc::StatusCode::INVALID_ARGUMENT, "no profiles received"};
    if (answers_.empty()) return always_;
    const grpc::Status answer = answers_.front();
    answers_.pop_front();
    return answer;
  }

  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  absl::Mutex mutex_;
  std::deque<grpc::Status> answers_ ABSL_GUARDED_BY(mutex_);
  grpc::Status always_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> trailers_ ABSL_GUARDED_BY(mutex_);
  std::vector<ReceivedPush> received_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sonde::exporting
