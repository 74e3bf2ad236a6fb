#include "agent/app/checkup.h"

#include <unistd.h>

#include <future>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/app/export_targets.h"
#include "agent/doctor/checks.h"
#include "agent/doctor/target_check.h"
#include "agent/export/push_channel.h"
#include "agent/kernel/btf_features.h"
#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/online_cpus.h"
#include "base/finding.h"
#include "google/protobuf/util/json_util.h"
#include "profile/labels.h"

namespace sonde::app {
namespace {

using base::Finding;
using base::Findings;
using State = Finding::State;

constexpr char kProc[] = "/proc";
constexpr absl::Duration kPatience = absl::Seconds(5);

void Append(Findings more, Findings* findings) {
  findings->insert(findings->end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// What is so whatever the settings are.
Findings OfTheHost() {
  const kernel::KernelFiles files;
  const absl::StatusOr<kernel::Features> features = kernel::ProbeFeatures();
  const absl::StatusOr<std::vector<int>> cpus = kernel::OnlineCpus();
  Findings findings = doctor::CheckKernel(files);
  Append(doctor::CheckCapabilities(files), &findings);
  Append(doctor::CheckLockdown(files), &findings);
  Append(doctor::CheckPerfEvents(kProc), &findings);
  Append(doctor::CheckBpf(), &findings);
  Append(doctor::CheckLimits(kProc, cpus.ok() ? cpus->size() : 1, features.ok() && features->maps_in_memory_cgroup),
         &findings);
  return findings;
}

Finding OfSettings(const absl::StatusOr<control::Config>& loaded, const control::Config* in_force) {
  if (!loaded.ok()) {
    return {"settings", State::kFailed, std::string(loaded.status().message()),
            in_force == nullptr ? "the agent will not start with these" : "the agent runs on with those that it has"};
  }
  const std::vector<std::string> others =
      in_force == nullptr ? std::vector<std::string>() : control::KeysThatDiffer(*in_force, *loaded);
  if (others.empty()) return {"settings", State::kOk, "they can be read and are in order"};
  return {
      "settings", State::kWarning, absl::StrCat("not in force are those of ", absl::StrJoin(others, ", ")),
      "restart the agent, or reload it for those that can change while it runs (log.level, overhead_budget, relabel, "
      "labels.max_series, and how targets are trusted and what they are shown)"};
}

Findings OfFolders(const control::Config& config) {
  Findings findings;
  if (!config.spool_directory.empty()) {
    findings = doctor::CheckFolder({.key = "spool.directory",
                                    .path = config.spool_directory,
                                    .wanted_bytes = config.spool_max_bytes,
                                    .is_spool = true});
  }
  for (const control::ExportTargetConfig& target : config.targets) {
    if (target.type != "files") continue;
    Append(doctor::CheckFolder({.key = "target " + target.files.directory,
                                .path = target.files.directory,
                                .wanted_bytes = target.files.retention_bytes}),
           &findings);
  }
  return findings;
}

// All at once: one that does not answer costs time.
Findings OfServers(const control::Config& config, const std::string& version) {
  std::vector<std::future<Findings>> trials;
  for (const control::ExportTargetConfig& target : config.targets) {
    if (target.type == "files") continue;
    trials.push_back(std::async(std::launch::async, [&target, &version] {
      const exporting::ExportTarget where = TargetOf(target);
      return doctor::CheckTarget(target.type, where,
                                 exporting::TryTarget(where, ProtocolOf(target, version), kPatience));
    }));
  }
  Findings findings;
  for (std::future<Findings>& trial : trials) Append(trial.get(), &findings);
  if (config.targets.empty()) {
    findings.push_back({"targets", State::kWarning,
                        "there are none: profiles stay on this host, and only agentctl shows anything",
                        "name some under export"});
  }
  return findings;
}

}  // namespace

control::v1::CheckReply CheckUp(const absl::StatusOr<control::Config>& loaded, const control::Config* in_force,
                                const std::string& version) {
  Findings findings = OfTheHost();
  findings.push_back(OfSettings(loaded, in_force));
  const control::Config* config = in_force;
  if (config == nullptr && loaded.ok()) config = &*loaded;
  if (config != nullptr) {
    Append(OfFolders(*config), &findings);
    Append(OfServers(*config, version), &findings);
  }
  control::v1::CheckReply reply;
  reply.set_version(version);
  reply.set_pid(static_cast<uint32_t>(::getpid()));
  reply.set_uid(::geteuid());
  for (const Finding& finding : findings) {
    control::v1::Finding* added = reply.add_findings();
    added->set_check(profile::ToValidUtf8(finding.check));
    added->set_state(base::StateWord(finding.state));
    added->set_found(profile::ToValidUtf8(finding.found));
    added->set_advice(profile::ToValidUtf8(finding.advice));
  }
  return reply;
}

std::string CheckUpAsJson(const absl::StatusOr<control::Config>& loaded, const std::string& version) {
  kernel::CaptureLibbpfLog();
  exporting::RouteGrpcLog();
  exporting::AdoptProxyVariables();
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(CheckUp(loaded, nullptr, version), &json);
  return status.ok() ? json + "\n" : std::string(status.message()) + "\n";
}

}  // namespace sonde::app
