#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/app/capture_thread.h"
#include "agent/app/shared_symbolizer.h"
#include "agent/app/status_board.h"
#include "agent/app/status_report.h"
#include "agent/control/config.h"
#include "agent/control/control_backend.h"

namespace sonde::app {

// Answers the control socket from the status board and by measuring anew. Thread-safe; all pointers must outlive it.
class ControlAnswers : public control::ControlBackend {
 public:
  struct Sources {
    const control::Config* config = nullptr;
    std::string version;
    CaptureThread* capture = nullptr;
    SharedSymbolizer* symbolizer = nullptr;
    const telemetry::LossLedger* losses = nullptr;
    const StatusBoard* board = nullptr;
    std::function<std::vector<exporting::TargetStats>()> targets;
    std::vector<std::string> degraded;
    uint64_t start_ns = 0;
  };
  explicit ControlAnswers(Sources sources) : sources_(std::move(sources)) {}

  control::v1::StatusReply Status() override;
  absl::StatusOr<control::v1::AccountReply> Account(const control::v1::AccountRequest& request,
                                                    const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::TopReply> Top(const control::v1::TopRequest& request,
                                            const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::WaitsReply> Waits(const control::v1::WaitsRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::PeersReply> Peers(const control::v1::PeersRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::LocksReply> Locks(const control::v1::LocksRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::DisksReply> Disks(const control::v1::DisksRequest& request,
                                                const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::SaturationReply> Saturation(const control::v1::SaturationRequest& request,
                                                          const control::Cancelled& cancelled) override;
  absl::StatusOr<control::v1::RecordReply> Record(const control::v1::RecordRequest& request,
                                                  const control::Cancelled& cancelled) override;

 private:
  struct Measured {
    profile::Pprof pprof;
    int64_t start_unix_ns = 0;
    int64_t duration_ns = 0;
    std::vector<telemetry::Loss> losses;
  };
  // NotFound when `pid` is not 0 and no such process lived meanwhile.
  absl::StatusOr<std::shared_ptr<const aggregate::Window>> Measure(uint32_t pid, uint64_t duration_ns,
                                                                   CaptureThread::OnRequest wanted,
                                                                   const control::Cancelled& cancelled);
  // Measures, and has `report` fill in all of the reply but when that was and what was lost.
  template <typename Reply, typename Request, typename Report>
  absl::StatusOr<Reply> MeasureAndReport(const Request& request, CaptureThread::OnRequest wanted, Report report,
                                         const control::Cancelled& cancelled);
  absl::StatusOr<WindowFacts> MeasureAccount(uint64_t duration_ns, const control::Cancelled& cancelled);
  absl::StatusOr<Measured> MeasureProfile(const std::string& kind, uint32_t pid, uint64_t duration_ns,
                                          const control::Cancelled& cancelled);

  const Sources sources_;
};

}  // namespace sonde::app
