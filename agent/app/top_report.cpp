#include "agent/app/top_report.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "agent/app/wait_words.h"
#include "agent/symbolize/stack_names.h"
#include "profile/kind.h"
#include "profile/top.h"

namespace sonde::app {
namespace {

constexpr uint32_t kRowsUnlessAsked = 40;

using Function = std::pair<std::string, std::string>;  // its name and file
using SumsOfFunctions = absl::flat_hash_map<Function, aggregate::RowSum>;

void AddToAllOf(const std::vector<profile::Frame>& stack, const aggregate::RowSum& waits, SumsOfFunctions* sums) {
  absl::flat_hash_set<const aggregate::RowSum*> met;
  for (const profile::Frame& frame : stack) {
    auto found = sums->find(Function(frame.name, frame.file));
    if (found != sums->end() && met.insert(&found->second).second) found->second.Add(waits);
  }
}

// Of value `index`, negative: the last.
int64_t TotalOf(const profile::Pprof& pprof, int index) {
  int64_t total = 0;
  for (const auto& sample : pprof.sample()) total += sample.value(index < 0 ? sample.value_size() - 1 : index);
  return total;
}

// To each function of the reply the faults in it and below.
void AddCountsOfFaults(const profile::Pprof& pprof, control::v1::TopReply* reply) {
  absl::flat_hash_map<Function, int64_t> counts;
  for (const profile::FunctionValue& function : profile::TopFunctions(pprof, 0, std::numeric_limits<size_t>::max())) {
    counts.emplace(Function(function.function, function.file), function.total);
  }
  for (control::v1::TopRow& row : *reply->mutable_rows()) {
    row.set_count(static_cast<uint64_t>(counts[Function(row.function(), row.file())]));
  }
}

// As go tool pprof says it behind a name.
std::string InliningWord(profile::Inlining inlining) {
  if (inlining == profile::Inlining::kNone) return "";
  return inlining == profile::Inlining::kAll ? "inline" : "partial-inline";
}

}  // namespace

void ReportTop(const profile::Pprof& pprof, const control::v1::TopRequest& request, control::v1::TopReply* reply) {
  const bool is_growth = request.kind() == profile::KindName(profile::Kind::kFaults);
  const int64_t total = TotalOf(pprof, -1);
  if (is_growth) {
    reply->set_total_bytes(total);
    reply->set_total_count(static_cast<uint64_t>(TotalOf(pprof, 0)));
  } else {
    reply->set_total_ns(total);
  }
  const uint32_t limit = request.limit() != 0 ? request.limit() : kRowsUnlessAsked;
  for (const profile::FunctionValue& function : profile::TopFunctions(pprof, -1, limit)) {
    control::v1::TopRow* row = reply->add_rows();
    row->set_function(function.function);
    row->set_file(function.file);
    row->set_inlining(InliningWord(function.inlining));
    if (is_growth) {
      row->set_self_bytes(function.self);
      row->set_total_bytes(function.total);
    } else {
      row->set_self_ns(function.self);
      row->set_total_ns(function.total);
    }
  }
  if (is_growth) AddCountsOfFaults(pprof, reply);
}

void AddLengthsOfWaits(const std::vector<aggregate::Window::Waits>& groups, symbolize::Symbolizer* symbolizer,
                       control::v1::TopReply* reply) {
  SumsOfFunctions sums;
  for (const control::v1::TopRow& row : reply->rows()) sums.try_emplace(Function(row.function(), row.file()));
  symbolize::StackNames names(symbolizer);
  for (const aggregate::Window::Waits& group : groups) {
    for (size_t i = 0; i < group.batch.samples.size(); ++i) {
      const model::UnwoundSample& sample = group.batch.samples[i];
      const aggregate::RowSum waits = {.count = sample.count, .ns = sample.ns, .lengths = group.lengths[i]};
      AddToAllOf(names.Of(group.batch, sample), waits, &sums);
    }
  }
  for (control::v1::TopRow& row : *reply->mutable_rows()) {
    const aggregate::RowSum& sum = sums.at(Function(row.function(), row.file()));
    row.set_count(sum.count);
    SetLengths(sum.lengths, &row);
  }
}

}  // namespace sonde::app
