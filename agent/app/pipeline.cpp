#include "agent/app/pipeline.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/heap.h"
#include "profile/loss_comment.h"
#include "profile/pprof_file.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr size_t kMostSlices = 64;
constexpr size_t kMostBytes = size_t{64} << 20;

// About what a slice holds in memory.
size_t WeightOf(const model::Slice& slice) {
  constexpr size_t kStackBytes = 600;
  return slice.samples.size() * sizeof(model::RawSample) + slice.threads.size() * sizeof(model::ThreadAccount) +
         slice.faults.size() * sizeof(model::RawFaults) +
         slice.stacks.size() * kStackBytes;
}

}  // namespace

Pipeline::Pipeline(SharedSymbolizer* symbolizer, telemetry::LossLedger* losses, StatusBoard* board, Deliver deliver)
    : symbolizer_(symbolizer),
      losses_(losses),
      board_(board),
      deliver_(std::move(deliver)),
      queue_(kMostSlices, kMostBytes),
      window_(std::make_unique<aggregate::Window>()) {}

Pipeline::~Pipeline() { Stop(); }

void Pipeline::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Pipeline::Stop() {
  queue_.Close();
  if (thread_.joinable()) thread_.join();
}

void Pipeline::Push(CutSlice slice) {
  size_t weight = WeightOf(*slice.slice);
  if (!queue_.TryPush(std::move(slice), weight)) {
    losses_->Add("queue_full", "slices", "up to ten seconds of all profiles are missing", 1);
  }
}

void Pipeline::Run() {
  pthread_setname_np(pthread_self(), "sonde-pipeline");
  while (std::optional<CutSlice> slice = queue_.Pop(absl::InfiniteDuration())) Take(*slice);
}

void Pipeline::Take(const CutSlice& slice) {
  window_->Add(*slice.slice);
  if (slice.ends_window) {
    CloseWindow();
  } else if (windows_ == 0) {
    PublishAccount();
  }
}

void Pipeline::PublishAccount() {
  board_->SetWindowFacts(FactsOf(*window_, windows_));
}

std::vector<std::string> Pipeline::LossComments() {
  std::vector<telemetry::Loss> now = losses_->Snapshot();
  std::vector<std::string> comments;
  for (const telemetry::Loss& loss : telemetry::LossesSince(told_losses_, now)) {
    comments.push_back(profile::FormatLossComment(window_->StartUnixNs(), loss.count,
                                                  absl::StrCat(loss.what, " (", loss.cause, "): ", loss.consequence)));
  }
  told_losses_ = std::move(now);
  return comments;
}

void Pipeline::CloseWindow() {
  ++windows_;
  PublishAccount();
  const std::vector<std::string> comments = LossComments();
  size_t profiles = 0;
  for (profile::Kind kind : profile::AllKinds()) {
    for (model::ProfileBatch& batch : window_->Batches(kind)) {
      batch.comments = comments;
      profile::SymbolizedProfile symbolized =
          symbolizer_->With([&batch](symbolize::Symbolizer* symbolizer) { return symbolizer->Symbolize(batch); });
      if (symbolized.pprof.sample_size() == 0) continue;
      deliver_({.kind = kind,
                .labels = std::move(symbolized.labels),
                .start_unix_ns = batch.start_unix_ns,
                .sequence = ++sequence_,
                .pprof_gz = profile::Encode(symbolized.pprof)});
      ++profiles;
    }
  }
  spdlog::debug("msg=\"window closed\" window={} profiles={}", windows_, profiles);
  window_ = std::make_unique<aggregate::Window>();
  base::TrimHeap();
}

}  // namespace sonde::app
