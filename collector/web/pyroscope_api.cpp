#include "collector/web/pyroscope_api.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "collector/web/answers.h"
#include "collector/web/flame_levels.h"
#include "collector/web/pyroscope_selection.h"
#include "profile/flame.h"
#include "proto/querier/v1/querier.pb.h"
#include "spdlog/spdlog.h"

namespace sonde::web {
namespace {

namespace wire = ::querier::v1;
using query::Querier;

constexpr int64_t kNsInMs = 1'000'000;
constexpr double kNsInSecond = 1e9;
constexpr int64_t kUsualNodes = 8'192;
constexpr int64_t kMostNodes = 200'000;
constexpr int64_t kMostSeries = 10'000;
constexpr char kSpanId[] = "span_id";
constexpr size_t kSpanDigits = 16;

// By Connect's names and statuses.
struct ConnectCode {
  const char* name;
  int http_status;
};
ConnectCode CodeOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return {"invalid_argument", 400};
    case absl::StatusCode::kNotFound:
      return {"not_found", 404};
    case absl::StatusCode::kResourceExhausted:
      return {"resource_exhausted", 429};
    case absl::StatusCode::kUnimplemented:
      return {"unimplemented", 501};
    case absl::StatusCode::kUnavailable:
      return {"unavailable", 503};
    default:
      return {"internal", 500};
  }
}

http::Response Refusal(const absl::Status& status) {
  const ConnectCode code = CodeOf(status.code());
  const std::string reason(status.message());
  if (code.http_status == 500) spdlog::error("msg=\"a query failed\" reason=\"{}\"", reason);
  return http::JsonResponse(code.http_status, ConnectErrorJson(code.name, reason));
}

// What a question of labels selects.
template <typename Request>
absl::StatusOr<query::Selection> SelectedBy(const Request& request) {
  if (request.matchers_size() > 1) return absl::UnimplementedError("one selector is taken here, not several");
  return Selected(request.matchers_size() == 0 ? "" : request.matchers(0), "",
                  RangeOfMs(request.start(), request.end()));
}

void AddPair(const std::string& name, const std::string& value,
             google::protobuf::RepeatedPtrField<types::v1::LabelPair>* pairs) {
  auto* pair = pairs->Add();
  pair->set_name(name);
  pair->set_value(value);
}

template <typename Answer>
absl::StatusOr<Answer> EmptyIfNothing(const absl::Status& status) {
  if (absl::IsNotFound(status)) return Answer();
  return status;
}

absl::StatusOr<wire::ProfileTypesResponse> ProfileTypes(const Querier& querier,
                                                        const wire::ProfileTypesRequest& request) {
  auto kinds = querier.Kinds(RangeOfMs(request.start(), request.end()));
  if (!kinds.ok()) return kinds.status();
  wire::ProfileTypesResponse answer;
  for (const query::KindFacts& kind : *kinds) {
    for (const auto& [sample_type, unit] : kind.sample_types) {
      auto* type = answer.add_profile_types();
      type->set_name(NameOfKind(kind.kind));
      type->set_sample_type(sample_type);
      type->set_sample_unit(unit);
      type->set_period_type(kind.period_type.first);
      type->set_period_unit(kind.period_type.second);
      type->set_id(
          absl::StrCat(type->name(), ":", sample_type, ":", unit, ":", type->period_type(), ":", type->period_unit()));
    }
  }
  return answer;
}

absl::StatusOr<types::v1::LabelNamesResponse> LabelNames(const Querier& querier,
                                                         const types::v1::LabelNamesRequest& request) {
  auto selection = SelectedBy(request);
  if (!selection.ok()) return selection.status();
  auto names = querier.LabelNames(*selection);
  if (!names.ok()) return names.status();
  types::v1::LabelNamesResponse answer;
  for (std::string& name : *names) answer.add_names(std::move(name));
  return answer;
}

// Of the kinds that have any sample which is selected.
absl::StatusOr<std::vector<std::string>> TypesOf(const Querier& querier, query::Selection selection) {
  auto by_kind = TypeIdsByKind(querier, selection.range);
  if (!by_kind.ok()) return by_kind.status();
  std::vector<std::string> types;
  const std::string wanted = selection.kind;
  for (const auto& [kind, ids] : *by_kind) {
    if (!wanted.empty() && kind != wanted) continue;
    selection.kind = kind;
    auto names = querier.LabelNames(selection);
    if (!names.ok()) return names.status();
    if (!names->empty()) types.insert(types.end(), ids.begin(), ids.end());
  }
  std::ranges::sort(types);
  return types;
}

absl::StatusOr<types::v1::LabelValuesResponse> LabelValues(const Querier& querier,
                                                           const types::v1::LabelValuesRequest& request) {
  auto selection = SelectedBy(request);
  if (!selection.ok()) return selection.status();
  types::v1::LabelValuesResponse answer;
  if (request.name() == kProfileType) {
    auto types = TypesOf(querier, *std::move(selection));
    if (!types.ok()) return types.status();
    for (std::string& type : *types) answer.add_names(std::move(type));
    return answer;
  }
  auto values = querier.LabelValues(*selection, request.name());
  if (!values.ok()) return values.status();
  for (std::string& value : *values) answer.add_names(std::move(value));
  return answer;
}

absl::StatusOr<wire::SeriesResponse> Series(const Querier& querier, const wire::SeriesRequest& request) {
  auto selection = SelectedBy(request);
  if (!selection.ok()) return selection.status();
  auto all = querier.ListSeries(*selection);
  if (!all.ok()) return all.status();
  auto types = TypeIdsByKind(querier, selection->range);
  if (!types.ok()) return types.status();
  const auto is_wanted = [&request](const std::string& name) {
    return request.label_names().empty() ||
           std::ranges::find(request.label_names(), name) != request.label_names().end();
  };
  std::set<profile::Labels> sets;
  for (const store::Series& series : *all) {
    profile::Labels labels;
    for (const auto& [name, value] : series.labels) {
      if (is_wanted(name)) labels.emplace(name, value);
    }
    if (!is_wanted(kProfileType)) {
      if (!labels.empty()) sets.insert(std::move(labels));
      continue;
    }
    // A kind that has several values is as many series for who asks by Pyroscope's types.
    for (const std::string& type : (*types)[series.kind]) {
      labels[kProfileType] = type;
      sets.insert(labels);
    }
  }
  wire::SeriesResponse answer;
  for (const profile::Labels& labels : sets) {
    auto* set = answer.add_labels_set();
    for (const auto& [name, value] : labels) AddPair(name, value, set->mutable_labels());
  }
  return answer;
}

template <typename Ids>
std::vector<std::string> ListOf(const Ids& ids) {
  return {ids.begin(), ids.end()};
}

absl::StatusOr<query::StackQuery> QueryOfType(const std::string& type_id, const std::string& selector, int64_t start,
                                              int64_t end) {
  auto type = ParseTypeId(type_id);
  if (!type.ok()) return type.status();
  auto selection = Selected(selector, type->kind, RangeOfMs(start, end));
  if (!selection.ok()) return selection.status();
  return query::StackQuery{.selection = *std::move(selection), .sample_type = type->sample_type};
}

template <typename Request>
absl::StatusOr<query::StackQuery> StackQueryFor(const Request& request) {
  // An answer of all stacks would not be what was asked for.
  if (request.stack_trace_selector().call_site_size() > 0 || request.stack_trace_selector().has_go_pgo()) {
    return absl::UnimplementedError("stacks are not selected by their frames here");
  }
  return QueryOfType(request.profile_typeid(), request.label_selector(), request.start(), request.end());
}

template <typename Request>
absl::StatusOr<query::StackQuery> StackQueryByIds(const Request& request) {
  if (request.profile_id_selector_size() > 0) return absl::UnimplementedError("profiles have no ids here");
  auto query = StackQueryFor(request);
  if (!query.ok() || request.trace_id_selector_size() == 0) return query;
  auto selector = WithIds(request.label_selector(), "trace_id", 32, ListOf(request.trace_id_selector()));
  if (!selector.ok()) return selector.status();
  return QueryOfType(request.profile_typeid(), *selector, request.start(), request.end());
}

absl::StatusOr<profile::Pprof> MergedBy(const Querier& querier, const query::StackQuery& query) {
  auto merged = querier.Merge(query);
  if (!merged.ok()) return EmptyIfNothing<profile::Pprof>(merged.status());
  return std::move(merged->pprof);
}

// Nothing when nothing is selected: Grafana shows an empty graph then.
absl::StatusOr<std::optional<wire::FlameGraph>> GraphOf(const Querier& querier, const query::StackQuery& query,
                                                        int64_t max_nodes) {
  auto stacks = querier.StacksOf(query);
  if (absl::IsNotFound(stacks.status())) return std::nullopt;
  if (!stacks.ok()) return stacks.status();
  const int64_t nodes = max_nodes <= 0 ? kUsualNodes : std::min(max_nodes, kMostNodes);
  return LevelsOf(profile::LayOut(stacks->tree, static_cast<size_t>(nodes), profile::Second::kNothing));
}

absl::StatusOr<wire::SelectMergeStacktracesResponse> SelectMergeStacktraces(
    const Querier& querier, const wire::SelectMergeStacktracesRequest& request) {
  if (request.format() == wire::PROFILE_FORMAT_TREE || request.format() == wire::PROFILE_FORMAT_DOT) {
    return absl::UnimplementedError("formats tree and dot are not served here; ask for a flame graph or a pprof");
  }
  auto selector = WithIds(request.label_selector(), kSpanId, kSpanDigits, ListOf(request.span_selector()));
  if (!selector.ok()) return selector.status();
  wire::SelectMergeStacktracesRequest of_spans = request;
  of_spans.set_label_selector(*selector);
  auto query = StackQueryByIds(of_spans);
  if (!query.ok()) return query.status();
  wire::SelectMergeStacktracesResponse answer;
  if (request.format() == wire::PROFILE_FORMAT_PPROF) {
    auto merged = MergedBy(querier, *query);
    if (!merged.ok()) return merged.status();
    *answer.mutable_pprof()->mutable_profile() = *std::move(merged);
    return answer;
  }
  auto graph = GraphOf(querier, *query, request.max_nodes());
  if (!graph.ok()) return graph.status();
  if (graph->has_value()) *answer.mutable_flamegraph() = **std::move(graph);
  return answer;
}

absl::StatusOr<wire::SelectMergeSpanProfileResponse> SelectMergeSpanProfile(
    const Querier& querier, const wire::SelectMergeSpanProfileRequest& request) {
  if (request.span_selector().empty()) return absl::InvalidArgumentError("the span_selector has no span");
  if (request.format() != wire::PROFILE_FORMAT_UNSPECIFIED && request.format() != wire::PROFILE_FORMAT_FLAMEGRAPH) {
    return absl::UnimplementedError("only flame graphs are made of spans here");
  }
  auto selector = WithIds(request.label_selector(), kSpanId, kSpanDigits, ListOf(request.span_selector()));
  if (!selector.ok()) return selector.status();
  auto query = QueryOfType(request.profile_typeid(), *selector, request.start(), request.end());
  if (!query.ok()) return query.status();
  auto graph = GraphOf(querier, *query, request.max_nodes());
  if (!graph.ok()) return graph.status();
  wire::SelectMergeSpanProfileResponse answer;
  if (graph->has_value()) *answer.mutable_flamegraph() = **std::move(graph);
  return answer;
}

// All values of the kind, as Pyroscope does not: who reads a pprof picks one.
absl::StatusOr<profile::Pprof> SelectMergeProfile(const Querier& querier,
                                                  const wire::SelectMergeProfileRequest& request) {
  auto query = StackQueryByIds(request);
  if (!query.ok()) return query.status();
  return MergedBy(querier, *query);
}

// Labels that a row has; one of no value is one that it lacks.
void AddLabels(const wire::SelectSeriesRequest& request, const query::Timeline::Row& row, types::v1::Series* series) {
  for (int i = 0; i < request.group_by_size(); ++i) {
    const std::string& value = i == 0 ? row.value : row.further[static_cast<size_t>(i) - 1];
    if (!value.empty()) AddPair(request.group_by(i), value, series->mutable_labels());
  }
}

absl::StatusOr<wire::SelectSeriesResponse> SelectSeries(const Querier& querier,
                                                        const wire::SelectSeriesRequest& request) {
  if (request.aggregation() != types::v1::TIME_SERIES_AGGREGATION_TYPE_SUM) {
    return absl::UnimplementedError("series are sums here, not averages");
  }
  auto query = StackQueryFor(request);
  if (!query.ok()) return query.status();
  if (!(request.step() >= 0 && request.step() < 1e8))
    return absl::InvalidArgumentError("the step must be positive seconds");
  std::vector<std::string> by = ListOf(request.group_by());
  if (std::ranges::find(by, "") != by.end())
    return absl::InvalidArgumentError("series are grouped by labels of a name");
  const std::string first = by.empty() ? "" : by.front();
  if (!by.empty()) by.erase(by.begin());
  const int64_t limit = request.limit() <= 0 ? kMostSeries : std::min(request.limit(), kMostSeries);
  auto timeline = querier.TimelineOf({.selection = std::move(query->selection),
                                      .sample_type = query->sample_type,
                                      .by = first,
                                      .step_ns = static_cast<int64_t>(request.step() * kNsInSecond),
                                      .limit = static_cast<size_t>(limit),
                                      .further = std::move(by)});
  if (!timeline.ok()) return EmptyIfNothing<wire::SelectSeriesResponse>(timeline.status());
  wire::SelectSeriesResponse answer;
  for (const auto& row : timeline->rows) {
    auto* series = answer.add_series();
    AddLabels(request, row, series);
    for (size_t step = 0; step < row.values.size(); ++step) {
      auto* point = series->add_points();
      point->set_value(static_cast<double>(row.values[step]));
      point->set_timestamp((timeline->axis.begin_ns + static_cast<int64_t>(step) * timeline->axis.step_ns) / kNsInMs);
    }
  }
  return answer;
}

// Reads the request and writes the answer in the encoding that the client speaks.
template <typename Request, typename Answer>
http::Response Call(const Querier& querier, const http::Request& request,
                    absl::StatusOr<Answer> (*method)(const Querier&, const Request&)) {
  const bool is_json = request.content_type.starts_with("application/json");
  Request parsed;
  if (is_json) {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    auto status = google::protobuf::util::JsonStringToMessage(request.body, &parsed, options);
    if (!status.ok()) return Refusal(absl::InvalidArgumentError(std::string(status.message())));
  } else if (!parsed.ParseFromString(request.body)) {
    return Refusal(absl::InvalidArgumentError("the request is not the protobuf that this question takes"));
  }
  auto answer = method(querier, parsed);
  if (!answer.ok()) return Refusal(answer.status());
  http::Response response{.status = 200,
                          .content_type = is_json ? "application/json" : "application/proto",
                          .headers = {{"Cache-Control", "no-store"}},
                          .body = {},
                          .static_body = {}};
  if (!is_json) {
    response.body = answer->SerializeAsString();
  } else if (auto status = google::protobuf::util::MessageToJsonString(*answer, &response.body); !status.ok()) {
    return Refusal(absl::InternalError(std::string(status.message())));
  }
  return response;
}

}  // namespace

http::Response PyroscopeAnswer(const Querier& querier, const http::Request& request) {
  if (request.method != "POST") {
    return Refusal(absl::UnimplementedError("this is asked by POST, as Grafana's data source for Pyroscope does"));
  }
  // Neither is what a page of another origin can send without being allowed to.
  if (!request.content_type.starts_with("application/json") && request.content_type != "application/proto") {
    return http::TextResponse(415, "the body must be application/proto or application/json\n");
  }
  if (!request.content_encoding.empty() && request.content_encoding != "identity") {
    return http::TextResponse(415, "the body must not be compressed\n");
  }
  const std::string_view method = std::string_view(request.path).substr(kPyroscopeApi.size());
  if (method == "ProfileTypes") return Call(querier, request, ProfileTypes);
  if (method == "LabelNames") return Call(querier, request, LabelNames);
  if (method == "LabelValues") return Call(querier, request, LabelValues);
  if (method == "Series") return Call(querier, request, Series);
  if (method == "SelectMergeStacktraces") return Call(querier, request, SelectMergeStacktraces);
  if (method == "SelectMergeSpanProfile") return Call(querier, request, SelectMergeSpanProfile);
  if (method == "SelectMergeProfile") return Call(querier, request, SelectMergeProfile);
  if (method == "SelectSeries") return Call(querier, request, SelectSeries);
  return Refusal(absl::UnimplementedError(absl::StrCat(std::string(method), " is not answered here")));
}

}  // namespace sonde::web
