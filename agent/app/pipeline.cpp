#include "agent/app/pipeline.h"

#include <pthread.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/app/slice_bytes.h"
#include "base/clock.h"
#include "base/heap.h"
#include "profile/loss_comment.h"
#include "profile/pprof_file.h"
#include "spdlog/spdlog.h"

namespace sonde::app {
namespace {

constexpr size_t kMostSlices = 64;
constexpr size_t kMostBytes = size_t{64} << 20;

}  // namespace

Pipeline::Pipeline(SharedSymbolizer* symbolizer, telemetry::LossLedger* losses, StatusBoard* board,
                   const SharedSeriesRules* series_rules, Deliver deliver, MeetFiles meet_files)
    : symbolizer_(symbolizer),
      losses_(losses),
      board_(board),
      series_rules_(series_rules),
      deliver_(std::move(deliver)),
      meet_files_(std::move(meet_files)),
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
  size_t weight = BytesOfSlice(*slice.slice);
  if (!queue_.TryPush(std::move(slice), weight)) {
    losses_->Add("queue_full", "slices", "up to ten seconds of all profiles are missing", 1);
  }
}

void Pipeline::Run() {
  pthread_setname_np(pthread_self(), "sonde-pipeline");
  while (std::optional<CutSlice> slice = queue_.Pop(absl::InfiniteDuration())) {
    busy_since_ns_.store(base::MonotonicNs(), std::memory_order_relaxed);
    Take(*slice);
    busy_since_ns_.store(0, std::memory_order_relaxed);
  }
}

void Pipeline::Take(const CutSlice& slice) {
  window_->Add(*slice.slice);
  if (slice.ends_window) {
    CloseWindow();
  } else if (windows_ == 0) {
    PublishAccount();
  }
}

void Pipeline::PublishAccount() { board_->SetWindowFacts(FactsOf(*window_, windows_)); }

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

size_t Pipeline::DeliverProfiles() {
  const aggregate::SeriesBook series(*series_rules_->Get(), window_->Accounts(), window_->Processes());
  losses_->Add("series_limit", "processes beyond the limit of series (labels.max_series)",
               "their samples are whole, but in one series for all of them", series.FoldedProcesses());
  const std::vector<std::string> comments = LossComments();
  std::optional<profile::EncodedProfile> last;  // kept back until it is known to be the window's last, or not
  size_t profiles = 0;
  for (profile::Kind kind : profile::AllKinds()) {
    std::vector<model::ProfileBatch> batches = window_->Batches(kind, series);
    symbolizer_->With([&batches](symbolize::Symbolizer* symbolizer) { symbolizer->Prepare(batches); });
    for (model::ProfileBatch& batch : batches) {
      batch.comments = comments;
      profile::SymbolizedProfile symbolized =
          symbolizer_->With([&batch](symbolize::Symbolizer* symbolizer) { return symbolizer->Symbolize(batch); });
      if (symbolized.pprof.sample_size() == 0) continue;
      meet_files_(batch.files);
      if (last) deliver_(*std::move(last));
      last = profile::EncodedProfile{.kind = kind,
                                     .labels = std::move(symbolized.labels),
                                     .start_unix_ns = batch.start_unix_ns,
                                     .sequence = ++sequence_,
                                     .pprof_gz = profile::Encode(symbolized.pprof)};
      ++profiles;
    }
  }
  if (last) {
    last->ends_window = true;
    deliver_(*std::move(last));
  }
  return profiles;
}

void Pipeline::CloseWindow() {
  ++windows_;
  PublishAccount();
  const size_t profiles = DeliverProfiles();
  spdlog::debug("msg=\"window closed\" window={} profiles={}", windows_, profiles);
  window_ = std::make_unique<aggregate::Window>();
  base::TrimHeap();
}

}  // namespace sonde::app
