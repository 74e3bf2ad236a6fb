#include "agent/app/control_answers.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/app/account_report.h"
#include "agent/app/connect_report.h"
#include "agent/app/disk_report.h"
#include "agent/app/dump_report.h"
#include "agent/app/explain_report.h"
#include "agent/app/lock_report.h"
#include "agent/app/peer_report.h"
#include "agent/app/saturation_report.h"
#include "agent/app/target_report.h"
#include "agent/app/top_report.h"
#include "agent/app/wait_report.h"
#include "agent/app/wait_words.h"
#include "base/unique_fd.h"
#include "profile/merge.h"
#include "profile/pprof_file.h"

namespace sonde::app {
namespace {

constexpr CaptureThread::OnRequest kOtherSide{.other_side = true};

std::string KernelRelease() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "";
}

absl::Status NoSuchProcess(uint32_t pid) {
  return absl::NotFoundError(absl::StrCat("no process ", pid,
                                          " lived in the measured time: 'agentctl account' lists those "
                                          "that did, by the id of the process, not of a thread"));
}

absl::StatusOr<profile::Kind> KindOf(const std::string& name) {
  if (const std::optional<profile::Kind> kind = profile::ParseKind(name)) return *kind;
  return absl::InvalidArgumentError(absl::StrCat("unknown kind '", name, "': ", std::string(profile::KindNames())));
}

absl::Duration Length(uint64_t duration_ns) { return absl::Nanoseconds(static_cast<int64_t>(duration_ns)); }

}  // namespace

control::v1::StatusReply ControlAnswers::Status() {
  control::v1::StatusReply reply = MakeStatus({.kernel = sources_.board->Kernel(),
                                               .window = sources_.board->LastWindow(),
                                               .losses = sources_.losses->Snapshot(),
                                               .targets = sources_.targets(),
                                               .spool = sources_.spool(),
                                               .degraded = sources_.degraded,
                                               .own = ReadOwnCost(sources_.start_ns),
                                               .symbolizer = sources_.symbolizer->WorkerFacts(),
                                               .table_worker = sources_.code->WorkerFacts(),
                                               .debuginfo_worker = sources_.debuginfo_worker()});
  if (std::string problem = sources_.pods->Problem(); !problem.empty()) reply.add_degraded(std::move(problem));
  reply.set_version(sources_.version);
  reply.set_kernel(KernelRelease());
  const control::Config config = sources_.settings->InForce();
  reply.set_window_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(config.window)));
  reply.set_sampling_hz(static_cast<uint32_t>(config.sampling_hz));
  AddReloaded(sources_.settings->Last(), &reply);
  return reply;
}

template <typename Request>
ControlAnswers::Interval ControlAnswers::IntervalOf(const Request& request) {
  Interval interval{.duration_ns = request.duration_ns()};
  if constexpr (requires { request.pid(); }) interval.pid = request.pid();
  if constexpr (requires { request.since_ns(); }) interval.since_ns = request.since_ns();
  if constexpr (requires { request.before_ns(); }) interval.before_ns = request.before_ns();
  return interval;
}

absl::StatusOr<WindowFacts> ControlAnswers::LastAccount() const {
  WindowFacts facts = sources_.board->LastWindow();
  if (facts.duration_ns != 0) return facts;
  return absl::UnavailableError(
      "no account yet: the first seconds are still being measured; try again in 10 s, or "
      "ask for a --duration of your own");
}

absl::StatusOr<control::v1::AccountReply> ControlAnswers::Account(const control::v1::AccountRequest& request,
                                                                  const control::Cancelled& cancelled) {
  if (!request.group_by().empty() && request.group_by() != "service" && request.group_by() != "container") {
    return absl::InvalidArgumentError(absl::StrCat("unknown groups '", request.group_by(), "': service or container"));
  }
  control::v1::AccountReply reply;
  const auto report = [&](const WindowFacts& facts) {
    reply.set_start_unix_ns(facts.start_unix_ns);
    reply.set_duration_ns(static_cast<uint64_t>(facts.duration_ns));
    ReportAccount(*facts.accounts, request, &reply);
  };
  const Interval interval = IntervalOf(request);
  if (interval.duration_ns != 0 || interval.since_ns != 0) {
    const absl::StatusOr<Measured> measured = Measure(interval, {}, cancelled);
    if (!measured.ok()) return measured.status();
    report(FactsOf(*measured->window, 0));
    AddLosses(LossesOf(*measured), reply.mutable_losses());
  } else {
    const absl::StatusOr<WindowFacts> facts = LastAccount();
    if (!facts.ok()) return facts.status();
    report(*facts);
  }
  if (request.pid() != 0 && reply.processes_size() == 0) return NoSuchProcess(request.pid());
  return reply;
}

absl::StatusOr<ControlAnswers::Measured> ControlAnswers::Measure(const Interval& interval,
                                                                 CaptureThread::OnRequest wanted,
                                                                 const control::Cancelled& cancelled) {
  Measured measured{.window = nullptr, .losses_before = sources_.losses->Snapshot()};
  if (interval.since_ns != 0) {
    auto past = sources_.capture->LookBack(Length(interval.since_ns), Length(interval.before_ns), cancelled);
    if (!past.ok()) return past.status();
    measured = {std::move(past->window), std::move(past->losses_before), std::move(past->losses_after)};
  } else {
    auto window = sources_.capture->Measure(Length(interval.duration_ns), wanted, cancelled);
    if (!window.ok()) return window.status();
    measured.window = *std::move(window);
  }
  if (interval.pid == 0) return measured;
  for (const auto& process : measured.window->Accounts().Processes()) {
    if (process.tgid == interval.pid) return measured;
  }
  return NoSuchProcess(interval.pid);
}

std::vector<telemetry::Loss> ControlAnswers::LossesOf(const Measured& measured) const {
  return telemetry::LossesSince(measured.losses_before,
                                measured.losses_after ? *measured.losses_after : sources_.losses->Snapshot());
}

absl::StatusOr<ControlAnswers::MeasuredProfile> ControlAnswers::ProfileOf(profile::Kind kind, const Measured& measured,
                                                                          uint32_t pid) const {
  MeasuredProfile profile{.pprof = {}, .window = measured.window, .losses = {}};
  std::vector<profile::Pprof> parts;
  std::vector<profile::Labels> labels;
  for (const model::ProfileBatch& batch : measured.window->Batches(kind, OnlyProcess(pid))) {
    profile::SymbolizedProfile symbolized =
        sources_.symbolizer->With([&batch](symbolize::Symbolizer* symbolizer) { return symbolizer->Symbolize(batch); });
    labels.push_back(std::move(symbolized.labels));
    parts.push_back(std::move(symbolized.pprof));
  }
  profile.losses = LossesOf(measured);
  if (parts.empty()) return profile;
  absl::StatusOr<profile::Pprof> merged = profile::Merge(parts, labels);
  if (!merged.ok()) return merged.status();
  profile.pprof = *std::move(merged);
  return profile;
}

absl::StatusOr<ControlAnswers::MeasuredProfile> ControlAnswers::MeasureProfile(const std::string& kind_name,
                                                                               const Interval& interval,
                                                                               const control::Cancelled& cancelled) {
  const absl::StatusOr<profile::Kind> kind = KindOf(kind_name);
  if (!kind.ok()) return kind.status();
  const absl::StatusOr<Measured> measured = Measure(interval, {}, cancelled);
  if (!measured.ok()) return measured.status();
  return ProfileOf(*kind, *measured, interval.pid);
}

absl::StatusOr<control::v1::TopReply> ControlAnswers::Top(const control::v1::TopRequest& request,
                                                          const control::Cancelled& cancelled) {
  auto measured = MeasureProfile(request.kind(), IntervalOf(request), cancelled);
  if (!measured.ok()) return measured.status();
  control::v1::TopReply reply;
  reply.set_start_unix_ns(measured->window->StartUnixNs());
  reply.set_duration_ns(static_cast<uint64_t>(measured->window->DurationNs()));
  ReportTop(measured->pprof, request, &reply);
  if (request.kind() == profile::KindName(profile::Kind::kOffCpu)) {
    sources_.symbolizer->With([&](symbolize::Symbolizer* symbolizer) {
      AddLengthsOfWaits(measured->window->AllWaits(OnlyProcess(request.pid())), symbolizer, &reply);
    });
  }
  AddLosses(measured->losses, reply.mutable_losses());
  return reply;
}

template <typename Reply, typename Request, typename Report>
absl::StatusOr<Reply> ControlAnswers::MeasureAndReport(const Request& request, CaptureThread::OnRequest wanted,
                                                       Report report, const control::Cancelled& cancelled) {
  const absl::StatusOr<Measured> measured = Measure(IntervalOf(request), wanted, cancelled);
  if (!measured.ok()) return measured.status();
  const aggregate::Window& window = *measured->window;
  Reply reply;
  reply.set_start_unix_ns(window.StartUnixNs());
  reply.set_duration_ns(static_cast<uint64_t>(window.DurationNs()));
  sources_.symbolizer->With([&](symbolize::Symbolizer* symbolizer) { report(window, request, symbolizer, &reply); });
  AddLosses(LossesOf(*measured), reply.mutable_losses());
  return reply;
}

absl::StatusOr<control::v1::WaitsReply> ControlAnswers::Waits(const control::v1::WaitsRequest& request,
                                                              const control::Cancelled& cancelled) {
  const CaptureThread::OnRequest wanted{.other_side = true, .chains = request.chains()};
  return MeasureAndReport<control::v1::WaitsReply>(request, wanted, ReportWaits, cancelled);
}

absl::StatusOr<control::v1::PeersReply> ControlAnswers::Peers(const control::v1::PeersRequest& request,
                                                              const control::Cancelled& cancelled) {
  const auto report = [](const aggregate::Window& window, const control::v1::PeersRequest& asked,
                         symbolize::Symbolizer* symbolizer, control::v1::PeersReply* reply) {
    ReportPeers(window, asked, symbolizer, reply);
    ReportConnects(window, asked, symbolizer, reply);
  };
  return MeasureAndReport<control::v1::PeersReply>(request, {.other_side = true, .connections = true}, report,
                                                   cancelled);
}

absl::StatusOr<control::v1::LocksReply> ControlAnswers::Locks(const control::v1::LocksRequest& request,
                                                              const control::Cancelled& cancelled) {
  return MeasureAndReport<control::v1::LocksReply>(request, kOtherSide, ReportLocks, cancelled);
}

absl::StatusOr<control::v1::DisksReply> ControlAnswers::Disks(const control::v1::DisksRequest& request,
                                                              const control::Cancelled& cancelled) {
  return MeasureAndReport<control::v1::DisksReply>(request, {.disks = true}, ReportDisks, cancelled);
}

absl::StatusOr<control::v1::SaturationReply> ControlAnswers::Saturation(const control::v1::SaturationRequest& request,
                                                                        const control::Cancelled& cancelled) {
  const auto report = [](const aggregate::Window& window, const control::v1::SaturationRequest& asked,
                         symbolize::Symbolizer*,
                         control::v1::SaturationReply* reply) { ReportSaturation(window, asked.limit(), reply); };
  return MeasureAndReport<control::v1::SaturationReply>(request, {.saturation = true}, report, cancelled);
}

// Of as long as a window is, so that the busiest are told as the profiles have them.
absl::StatusOr<control::v1::TargetsReply> ControlAnswers::Targets(const control::v1::TargetsRequest& request,
                                                                  const control::Cancelled& cancelled) {
  auto past = sources_.capture->LookBack(sources_.settings->InForce().window, absl::ZeroDuration(), cancelled);
  if (!past.ok()) return past.status();
  control::v1::TargetsReply reply;
  ReportTargets(*past->window, *sources_.series_rules->Get(), request, &reply);
  if (request.pid() != 0 && reply.groups_size() == 0) return NoSuchProcess(request.pid());
  const std::optional<kubernetes::PodWatchState> pods = sources_.pods->State();
  if (!pods) return reply;
  control::v1::KubernetesPods* out = reply.mutable_kubernetes();
  out->set_pods(pods->pods);
  out->set_is_current(pods->is_current);
  out->set_error(pods->error);
  out->set_last_success_unix_ns(pods->last_success_unix_ns);
  return reply;
}

absl::StatusOr<control::v1::ExplainReply> ControlAnswers::Explain(const control::v1::ExplainRequest& request) {
  absl::StatusOr<CodeOfProcess> process = LookAtProcess(request.pid(), *sources_.code);
  if (!process.ok()) return process.status();
  control::v1::ExplainReply reply;
  reply.set_pid(request.pid());
  const auto unwinding = [this](const model::ExecutableFile& file) { return sources_.code->UnwindingOf(file); };
  sources_.symbolizer->With([&](symbolize::Symbolizer* symbolizer) {
    ReportCode(
        *process, unwinding, [&](const model::ExecutableFilePtr& file) { return symbolizer->Explain(file); }, &reply);
  });
  return reply;
}

absl::StatusOr<control::v1::DumpReply> ControlAnswers::Dump(const control::v1::DumpRequest& request,
                                                            const control::Cancelled& cancelled) {
  absl::StatusOr<model::ThreadDump> dump = sources_.capture->LookAtThreads(request.pid(), cancelled);
  if (!dump.ok()) return dump.status();
  if (request.pid() != 0 && dump->threads.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no process ", request.pid(), " lives here, by the id of the process and not of a thread"));
  }
  control::v1::DumpReply reply;
  sources_.symbolizer->With(
      [&](symbolize::Symbolizer* symbolizer) { ReportDump(*std::move(dump), request, symbolizer, &reply); });
  return reply;
}

control::v1::RecordReply ControlAnswers::ReplyOf(const MeasuredProfile& measured) {
  control::v1::RecordReply reply;
  reply.set_samples(static_cast<uint64_t>(measured.pprof.sample_size()));
  reply.set_duration_ns(static_cast<uint64_t>(measured.window->DurationNs()));
  if (measured.pprof.sample_size() > 0) reply.set_profile(profile::Encode(measured.pprof));
  AddLosses(measured.losses, reply.mutable_losses());
  return reply;
}

absl::StatusOr<control::v1::RecordReply> ControlAnswers::Record(const control::v1::RecordRequest& request,
                                                                const control::Cancelled& cancelled) {
  auto measured = MeasureProfile(request.kind(), IntervalOf(request), cancelled);
  if (!measured.ok()) return measured.status();
  return ReplyOf(*measured);
}

absl::StatusOr<control::v1::RecordReply> ControlAnswers::RecordCommand(const control::v1::RecordRequest& request,
                                                                       const std::function<void()>& begun,
                                                                       const control::Cancelled& cancelled) {
  const absl::StatusOr<profile::Kind> kind = KindOf(request.kind());
  if (!kind.ok()) return kind.status();
  const base::UniqueFd command(static_cast<int>(::syscall(SYS_pidfd_open, request.pid(), 0)));
  if (!command.IsValid()) return NoSuchProcess(request.pid());
  const auto has_ended = [&command] {
    pollfd ended{.fd = command.Get(), .events = POLLIN, .revents = 0};
    return ::poll(&ended, 1, 0) > 0;
  };
  Measured measured{.window = nullptr, .losses_before = sources_.losses->Snapshot()};
  auto window = sources_.capture->MeasureUntil(has_ended, {.command = request.pid()}, begun, cancelled);
  if (!window.ok()) return window.status();
  measured.window = *std::move(window);
  const absl::StatusOr<MeasuredProfile> profile = ProfileOf(*kind, measured, 0);
  if (!profile.ok()) return profile.status();
  return ReplyOf(*profile);
}

}  // namespace sonde::app
