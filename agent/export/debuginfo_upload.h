#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/export/call_gate.h"
#include "agent/export/debuginfo_source.h"
#include "agent/export/send_pace.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "proto/parca/debuginfo/v1alpha1/debuginfo.grpc.pb.h"

namespace sonde::exporting {

// What came of asking the server about a build id.
enum class DebuginfoAnswer {
  kServerHas,      // since now or since long
  kNothingToGive,  // it would like to have it, and this host has nothing that helps
  kAskLater,       // somebody else is giving it, or it went wrong
  kServerIsDown,   // as kAskLater, and so it is with every other one for now
  kNeverAsk,       // it will not have this one
  kNoService,      // it has no such service at all
};

struct DebuginfoResult {
  DebuginfoAnswer answer = DebuginfoAnswer::kAskLater;
  std::string why;          // the server's words, or ours; printable
  uint64_t sent_bytes = 0;  // of the file that was given, or was to be; 0: none was
};

struct DebuginfoLimits {
  uint64_t max_bytes = 1'000'000'000;           // of one file: the server's own limit as it comes
  int64_t bytes_per_second = int64_t{8} << 20;  // SendPace
  absl::Duration call_timeout = absl::Seconds(30);
  absl::Duration upload_timeout = absl::Minutes(14);  // the server's: 15
};

// Asks Parca's DebuginfoService which files it wants, and gives it those: through its Upload stream, or by HTTP PUT to
// the URL that it signed. Holds 256 KiB of a file at a time. Of one thread, but for what the gate does.
class DebuginfoUpload {
 public:
  // Puts credentials on a call.
  using Prepare = std::function<absl::Status(grpc::ClientContext* call)>;
  // What there is to give; called when the server has said that it wants it.
  using OpenBytes = std::function<absl::StatusOr<std::unique_ptr<DebuginfoBytes>>()>;

  // `gate` must outlive this; once it is stopped all ends with kAskLater.
  DebuginfoUpload(const std::shared_ptr<grpc::Channel>& channel, Prepare prepare, DebuginfoLimits limits,
                  CallGate* gate);

  DebuginfoResult Offer(const std::string& build_id, const OpenBytes& open);

 private:
  using Stub = parca::debuginfo::v1alpha1::DebuginfoService::Stub;
  using Instructions = parca::debuginfo::v1alpha1::UploadInstructions;

  // `call` with a prepared context of `timeout`.
  grpc::Status Call(absl::Duration timeout, const std::function<grpc::Status(grpc::ClientContext*)>& call);
  grpc::Status Begin(const std::string& build_id, const DebuginfoBytes& bytes, Instructions* how);
  grpc::Status Give(const std::string& build_id, const DebuginfoBytes& bytes, const Instructions& how);
  grpc::Status Stream(const std::string& build_id, const DebuginfoBytes& bytes, const Instructions& how);
  grpc::Status WriteAll(const DebuginfoBytes& bytes,
                        grpc::ClientWriter<parca::debuginfo::v1alpha1::UploadRequest>* writer);
  grpc::Status End(const std::string& build_id, const Instructions& how);

  const std::unique_ptr<Stub> stub_;
  const Prepare prepare_;
  const DebuginfoLimits limits_;
  CallGate* const gate_;
  SendPace pace_;
};

// What the server's reason not to want a file means. Words that are not known: ask later.
DebuginfoAnswer AnswerOfReason(std::string_view reason);
// What a call's failure means for the file.
DebuginfoAnswer AnswerOfFailure(grpc::StatusCode code);

}  // namespace sonde::exporting
