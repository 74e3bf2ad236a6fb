#include "agentctl/targets.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "agentctl/client.h"
#include "agentctl/exit_code.h"
#include "agentctl/json.h"
#include "agentctl/report_error.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"

namespace sonde::agentctl {
namespace {

constexpr int kPidsShown = 8;

using Labels = google::protobuf::Map<std::string, std::string>;

// {name="value", ...}, sorted by name.
std::string LabelsText(const Labels& labels) {
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  return absl::StrCat("{",
                      absl::StrJoin(sorted, ", ",
                                    [](std::string* out, const auto& label) {
                                      absl::StrAppend(out, Printable(label.first), "=\"", Printable(label.second),
                                                      "\"");
                                    }),
                      "}");
}

std::string PidsText(const v1::TargetGroup& group) {
  const int shown = std::min(kPidsShown, group.pids_size());
  const std::string pids = absl::StrJoin(group.pids().begin(), group.pids().begin() + shown, ", ");
  const uint64_t more = group.processes() - static_cast<uint64_t>(shown);
  return absl::StrCat(group.processes() == 1 ? "pid " : "pids ", pids,
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

// `process` is no label of a series, so that it makes no difference.
bool IsUnchanged(const v1::TargetGroup& group) {
  Labels before = group.labels();
  before.erase("process");
  return before.size() == group.series().size() && LabelsText(before) == LabelsText(group.series());
}

std::string Outcome(const v1::TargetGroup& group) {
  if (!group.dropped_by().empty()) {
    return absl::StrCat(Paint(Colour::kYellow, "dropped"), " by relabel rule ", Printable(group.dropped_by()),
                        ": in the account, but in no profile");
  }
  if (group.folded()) {
    return absl::StrCat(Paint(Colour::kYellow, "folded"), " into ", LabelsText(group.series()),
                        ": labels.max_series is reached");
  }
  return IsUnchanged(group) ? "unchanged" : LabelsText(group.series());
}

std::string GroupText(const v1::TargetGroup& group) {
  const auto process = group.labels().find("process");
  const std::string name = process != group.labels().end() ? Printable(process->second) : "";
  std::string text =
      absl::StrCat(Paint(Colour::kBold, name), "  ", PidsText(group), "\n  labels  ", LabelsText(group.labels()), "\n");
  if (!group.meta().empty()) absl::StrAppend(&text, "  beside  ", LabelsText(group.meta()), "\n");
  absl::StrAppend(&text, "  series  ", Outcome(group), "\n");
  return text;
}

std::string KubernetesText(const v1::TargetsReply& reply) {
  if (!reply.has_kubernetes()) return "";
  const v1::KubernetesPods& pods = reply.kubernetes();
  const int64_t last = pods.last_success_unix_ns();
  const std::string when = last == 0 ? "never" : HumanDuration(absl::ToUnixNanos(absl::Now()) - last) + " ago";
  std::string text = absl::StrCat("Kubernetes: ", HumanCount(pods.pods()), " pods of this node, heard of ", when);
  if (!pods.error().empty()) absl::StrAppend(&text, "; now ", Printable(pods.error()));
  return text + "\n";
}

std::string Heading(const v1::TargetsReply& reply) {
  std::string text =
      absl::StrCat(HumanCount(reply.processes()), " processes in ", HumanCount(reply.series()), " series");
  if (reply.dropped_processes() > 0)
    absl::StrAppend(&text, "; ", HumanCount(reply.dropped_processes()), " dropped by rules");
  if (reply.folded_processes() > 0)
    absl::StrAppend(&text, "; ", HumanCount(reply.folded_processes()), " beyond the limit of series, in one");
  return text + "\n";
}

std::string TargetsText(const v1::TargetsReply& reply) {
  std::string text = Heading(reply) + KubernetesText(reply);
  for (const v1::TargetGroup& group : reply.groups()) absl::StrAppend(&text, "\n", GroupText(group));
  const auto shown = static_cast<uint64_t>(reply.groups_size());
  if (shown < reply.all_groups())
    absl::StrAppend(&text, "\n", reply.all_groups() - shown, " more sets of labels (--limit shows more)\n");
  return text;
}

}  // namespace

int RunTargets(const std::string& socket, const TargetsOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::TargetsRequest request;
  request.set_pid(options.pid);
  request.set_service(options.service);
  request.set_limit(options.limit);
  const absl::StatusOr<v1::TargetsReply> reply = client->Targets(request);
  if (!reply.ok()) return ReportError(reply.status());
  std::fputs((options.json ? ToJson(*reply) : TargetsText(*reply)).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
