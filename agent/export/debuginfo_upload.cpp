#include "agent/export/debuginfo_upload.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/export/http_put.h"
#include "agent/export/push_verdict.h"
#include "base/clock.h"

namespace sonde::exporting {
namespace {

namespace parca_debuginfo = parca::debuginfo::v1alpha1;

constexpr uint64_t kChunkBytes = uint64_t{256} << 10;
constexpr char kSpokenAt[] = "Parca listens on 7070";

// A server that reads for so long and no longer ends the stream with words of its own.
const char* TimeoutAdvice(const grpc::Status& status, uint64_t sent_bytes) {
  const bool is_cut = sent_bytes > 0 && absl::StrContains(status.error_message(), "timeout");
  return is_cut ? "; is it longer on its way than Parca's --http-read-timeout (5s as it comes)? raise that, or "
                  "debuginfo.rate"
                : "";
}

DebuginfoResult FailureOf(const grpc::Status& status, uint64_t sent_bytes = 0) {
  return {AnswerOfFailure(status.error_code()),
          absl::StrCat(Explain(status, kSpokenAt), TimeoutAdvice(status, sent_bytes)), sent_bytes};
}

}  // namespace

DebuginfoUpload::DebuginfoUpload(const std::shared_ptr<grpc::Channel>& channel, Prepare prepare, DebuginfoLimits limits,
                                 CallGate* gate)
    : stub_(parca_debuginfo::DebuginfoService::NewStub(channel)),
      prepare_(std::move(prepare)),
      limits_(limits),
      gate_(gate),
      pace_(limits.bytes_per_second) {}

DebuginfoResult DebuginfoUpload::Offer(const std::string& build_id, const OpenBytes& open) {
  parca_debuginfo::ShouldInitiateUploadRequest ask;
  ask.set_build_id(build_id);
  ask.set_build_id_type(parca_debuginfo::BUILD_ID_TYPE_GNU);
  parca_debuginfo::ShouldInitiateUploadResponse wanted;
  grpc::Status status = Call(
      limits_.call_timeout, [&](grpc::ClientContext* call) { return stub_->ShouldInitiateUpload(call, ask, &wanted); });
  if (!status.ok()) return FailureOf(status);
  if (!wanted.should_initiate_upload()) return {AnswerOfReason(wanted.reason()), Printable(wanted.reason())};

  const auto bytes = open();
  if (!bytes.ok()) return {DebuginfoAnswer::kNothingToGive, std::string(bytes.status().message())};
  const uint64_t size = (*bytes)->SizeBytes();
  if (size > limits_.max_bytes) {
    return {DebuginfoAnswer::kNeverAsk, absl::StrCat(size, " bytes are over the limit of ", limits_.max_bytes)};
  }
  Instructions how;
  if (status = Begin(build_id, **bytes, &how); !status.ok()) return FailureOf(status);
  if (status = Give(build_id, **bytes, how); !status.ok()) return FailureOf(status, size);
  if (status = End(build_id, how); !status.ok()) return FailureOf(status, size);
  return {DebuginfoAnswer::kServerHas, "", size};
}

grpc::Status DebuginfoUpload::Call(absl::Duration timeout,
                                   const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  if (absl::Status prepared = prepare_(&context); !prepared.ok()) {
    return {grpc::StatusCode::UNAUTHENTICATED, std::string(prepared.message())};
  }
  if (!gate_->Enter(&context)) return grpc::Status::CANCELLED;
  grpc::Status status = call(&context);
  gate_->Leave();
  return status;
}

grpc::Status DebuginfoUpload::Begin(const std::string& build_id, const DebuginfoBytes& bytes, Instructions* how) {
  parca_debuginfo::InitiateUploadRequest begin;
  begin.set_build_id(build_id);
  begin.set_build_id_type(parca_debuginfo::BUILD_ID_TYPE_GNU);
  begin.set_size(static_cast<int64_t>(bytes.SizeBytes()));
  // A build id says what is in a file, and its size whether it is the same part of it: no need to read it twice.
  begin.set_hash(absl::StrCat(build_id, "-", bytes.SizeBytes()));
  parca_debuginfo::InitiateUploadResponse begun;
  const grpc::Status status =
      Call(limits_.call_timeout, [&](grpc::ClientContext* call) { return stub_->InitiateUpload(call, begin, &begun); });
  *how = begun.upload_instructions();
  return status;
}

grpc::Status DebuginfoUpload::Give(const std::string& build_id, const DebuginfoBytes& bytes, const Instructions& how) {
  switch (how.upload_strategy()) {
    case Instructions::UPLOAD_STRATEGY_GRPC:
      return Stream(build_id, bytes, how);
    case Instructions::UPLOAD_STRATEGY_SIGNED_URL: {
      const HttpPut put{.url = how.signed_url(),
                        .bytes = &bytes,
                        .bytes_per_second = limits_.bytes_per_second,
                        .timeout = limits_.upload_timeout};
      const absl::Status status = PutBytes(put, [this] { return gate_->IsStopped(); });
      return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
    }
    default:
      return {grpc::StatusCode::INVALID_ARGUMENT, "the server names no way to give it the file that we know"};
  }
}

grpc::Status DebuginfoUpload::Stream(const std::string& build_id, const DebuginfoBytes& bytes,
                                     const Instructions& how) {
  return Call(limits_.upload_timeout, [&](grpc::ClientContext* call) -> grpc::Status {
    parca_debuginfo::UploadResponse response;
    const auto writer = stub_->Upload(call, &response);
    parca_debuginfo::UploadRequest info;
    info.mutable_info()->set_build_id(build_id);
    info.mutable_info()->set_upload_id(how.upload_id());
    const grpc::Status written = writer->Write(info) ? WriteAll(bytes, writer.get()) : grpc::Status::OK;
    if (!written.ok()) call->TryCancel();
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    if (!written.ok()) return written;
    // Half of a file must not pass for the whole.
    if (status.ok() && response.size() != bytes.SizeBytes()) {
      return {grpc::StatusCode::DATA_LOSS,
              absl::StrCat("the server has ", response.size(), " of ", bytes.SizeBytes(), " bytes")};
    }
    return status;
  });
}

// OK too when the server has ended the stream, and says so at its end.
grpc::Status DebuginfoUpload::WriteAll(const DebuginfoBytes& bytes,
                                       grpc::ClientWriter<parca_debuginfo::UploadRequest>* writer) {
  parca_debuginfo::UploadRequest message;
  const uint64_t size = bytes.SizeBytes();
  for (uint64_t at = 0; at < size;) {
    std::string* chunk = message.mutable_chunk_data();
    chunk->resize(std::min(kChunkBytes, size - at));
    if (!bytes.ReadAt(at, std::span(*chunk))) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "what was to be given cannot be read any more"};
    }
    if (!writer->Write(message)) break;
    at += chunk->size();
    const absl::Time now = absl::FromUnixNanos(static_cast<int64_t>(base::MonotonicNs()));
    if (!gate_->Wait(pace_.Book(static_cast<int64_t>(chunk->size()), now))) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status DebuginfoUpload::End(const std::string& build_id, const Instructions& how) {
  parca_debuginfo::MarkUploadFinishedRequest end;
  end.set_build_id(build_id);
  end.set_upload_id(how.upload_id());
  parca_debuginfo::MarkUploadFinishedResponse ended;
  return Call(limits_.call_timeout,
              [&](grpc::ClientContext* call) { return stub_->MarkUploadFinished(call, end, &ended); });
}

DebuginfoAnswer AnswerOfReason(std::string_view reason) {
  if (reason.starts_with("Debuginfo exists in debuginfod") ||
      reason.starts_with("Debuginfo is available from debuginfod already and not marked as invalid") ||
      reason.starts_with("Debuginfo already exists and is not marked as invalid")) {
    return DebuginfoAnswer::kServerHas;
  }
  if (reason.starts_with("Debuginfo already exists and is marked as invalid")) return DebuginfoAnswer::kNeverAsk;
  return DebuginfoAnswer::kAskLater;
}

DebuginfoAnswer AnswerOfFailure(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INVALID_ARGUMENT:  // too large, a build id that is none
    case grpc::StatusCode::ALREADY_EXISTS:    // the same as one that was no good
    case grpc::StatusCode::NOT_FOUND:
      return DebuginfoAnswer::kNeverAsk;
    case grpc::StatusCode::UNIMPLEMENTED:
      return DebuginfoAnswer::kNoService;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return DebuginfoAnswer::kServerIsDown;
    default:
      return DebuginfoAnswer::kAskLater;
  }
}

}  // namespace sonde::exporting
