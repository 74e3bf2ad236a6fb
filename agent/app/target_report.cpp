#include "agent/app/target_report.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "profile/labels.h"

namespace sonde::app {
namespace {

constexpr size_t kGroupsUnlessAsked = 100;
constexpr int kMostPids = 32;

using profile::Labels;
using Place = aggregate::SeriesBook::Place;
using GroupKey = std::pair<const Labels*, const Labels*>;  // labels and what else is known

struct ByContent {
  bool operator()(const GroupKey& a, const GroupKey& b) const {
    return *a.first != *b.first ? *a.first < *b.first : *a.second < *b.second;
  }
};

struct SameLabels {
  const Place* place = nullptr;
  std::vector<uint32_t> pids;
};
using GroupsByLabels = std::map<GroupKey, SameLabels, ByContent>;

void Fill(const Labels& labels, google::protobuf::Map<std::string, std::string>* out) {
  out->insert(labels.begin(), labels.end());
}

// As "2 (drop unit =~ "getty@.*")".
std::string RuleText(size_t index, const profile::RelabelRule& rule) {
  const std::string source = absl::StrJoin(rule.source_labels, rule.separator);
  const bool is_equality =
      rule.action == profile::RelabelAction::kKeepEqual || rule.action == profile::RelabelAction::kDropEqual;
  return absl::StrCat(index + 1, " (", std::string(profile::RelabelActionName(rule.action)), " ", source,
                      is_equality ? absl::StrCat(" = ", rule.target_label) : absl::StrCat(" =~ \"", rule.regex, "\""),
                      ")");
}

void AddGroup(const GroupKey& key, SameLabels group, const aggregate::SeriesRules& rules,
              control::v1::TargetsReply* reply) {
  control::v1::TargetGroup* out = reply->add_groups();
  Fill(*key.first, out->mutable_labels());
  Fill(*key.second, out->mutable_meta());
  Fill(group.place->series, out->mutable_series());
  out->set_folded(group.place->is_folded);
  if (const auto& rule = group.place->dropped_by) out->set_dropped_by(RuleText(*rule, rules.relabeler.Rules()[*rule]));
  out->set_processes(group.pids.size());
  std::ranges::sort(group.pids);
  for (uint32_t pid : group.pids) {
    if (out->pids_size() < kMostPids) out->add_pids(pid);
  }
}

bool IsWanted(uint32_t tgid, const model::ProcessInfo& process, const control::v1::TargetsRequest& request) {
  if (request.pid() != 0 && request.pid() != tgid) return false;
  return request.service().empty() || profile::LabelOf(process.labels, profile::kServiceName) == request.service();
}

}  // namespace

void ReportTargets(const aggregate::Window& window, const aggregate::SeriesRules& rules,
                   const control::v1::TargetsRequest& request, control::v1::TargetsReply* reply) {
  const aggregate::SeriesBook book(rules, window.Accounts(), window.Processes());
  GroupsByLabels groups;
  uint64_t dropped = 0;
  for (const auto& [tgid, process] : window.Processes()) {
    const Place* place = book.Find(tgid);
    dropped += place->dropped_by ? 1 : 0;
    if (!IsWanted(tgid, *process, request)) continue;
    SameLabels& group = groups[{&process->labels, &process->meta}];
    group.place = place;
    group.pids.push_back(tgid);
  }
  reply->set_processes(window.Processes().size());
  reply->set_series(book.Series());
  reply->set_dropped_processes(dropped);
  reply->set_folded_processes(book.FoldedProcesses());
  reply->set_all_groups(groups.size());
  const size_t limit = request.limit() != 0 ? request.limit() : kGroupsUnlessAsked;
  for (auto& [key, group] : groups) {
    if (static_cast<size_t>(reply->groups_size()) < limit) AddGroup(key, std::move(group), rules, reply);
  }
}

}  // namespace sonde::app
