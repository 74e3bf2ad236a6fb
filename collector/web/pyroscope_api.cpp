#include "collector/web/pyroscope_api.h"

#include <google/protobuf/util/json_util.h>
#include <re2/re2.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "collector/web/answers.h"
#include "profile/flame.h"
#include "profile/kind.h"
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
constexpr char kProfileType[] = "__profile_type__";

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

// NAME:TYPE:UNIT:PERIOD_TYPE:PERIOD_UNIT taken apart.
struct TypeId {
  std::string kind;
  std::string sample_type;
};

std::string NameOfKind(const std::string& kind) {
  const auto ours = profile::ParseKind(kind);
  return ours.has_value() ? std::string(profile::PyroscopeName(*ours)) : kind;
}

std::string KindOfName(const std::string& name) {
  for (profile::Kind kind : profile::AllKinds()) {
    if (name == profile::PyroscopeName(kind)) return std::string(profile::KindName(kind));
  }
  return name;
}

absl::StatusOr<TypeId> ParseTypeId(const std::string& id) {
  const std::vector<std::string> parts = absl::StrSplit(id, ':');
  if (parts.size() < 5) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", id, "' is no profile type; one is NAME:TYPE:UNIT:PERIOD_TYPE:PERIOD_UNIT"));
  }
  // A kind of another client may have a colon of its own.
  const size_t name_parts = parts.size() - 4;
  const std::string name = absl::StrJoin(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(name_parts), ":");
  return TypeId{KindOfName(name), parts[name_parts]};
}

store::TimeRange RangeOfMs(int64_t start, int64_t end) {
  // No range is all time, as old clients mean it.
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / kNsInMs;
  if (start <= 0 && end <= 0) return {0, std::numeric_limits<int64_t>::max()};
  return {std::clamp<int64_t>(start, 0, kMost) * kNsInMs, std::clamp<int64_t>(end, 0, kMost) * kNsInMs};
}

// The profile type may stand among the matchers; what is left is a selector of labels.
absl::StatusOr<query::Selection> Selected(std::string matchers, std::string kind, store::TimeRange range) {
  static const re2::RE2 type_matcher(absl::StrCat(kProfileType, R"re(\s*=\s*"([^"]*)"\s*,?)re"));
  std::string id;
  if (re2::RE2::PartialMatch(matchers, type_matcher, &id)) {
    auto type = ParseTypeId(id);
    if (!type.ok()) return type.status();
    kind = type->kind;
    re2::RE2::Replace(&matchers, type_matcher, "");
    re2::RE2::Replace(&matchers, R"(,\s*\})", "}");
  }
  auto selector = profile::Selector::Parse(matchers);
  if (!selector.ok()) return selector.status();
  return query::Selection{std::move(kind), *std::move(selector), range};
}

template <typename Matchers>
std::string OneOf(const Matchers& matchers) {
  return matchers.empty() ? std::string() : matchers.Get(0);
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
  auto selection = Selected(OneOf(request.matchers()), "", RangeOfMs(request.start(), request.end()));
  if (!selection.ok()) return selection.status();
  auto names = querier.LabelNames(*selection);
  if (!names.ok()) return names.status();
  types::v1::LabelNamesResponse answer;
  for (std::string& name : *names) answer.add_names(std::move(name));
  return answer;
}

absl::StatusOr<types::v1::LabelValuesResponse> LabelValues(const Querier& querier,
                                                           const types::v1::LabelValuesRequest& request) {
  auto selection = Selected(OneOf(request.matchers()), "", RangeOfMs(request.start(), request.end()));
  if (!selection.ok()) return selection.status();
  types::v1::LabelValuesResponse answer;
  if (request.name() == kProfileType) {
    auto types = ProfileTypes(querier, wire::ProfileTypesRequest());
    if (!types.ok()) return types.status();
    for (const auto& type : types->profile_types()) answer.add_names(type.id());
    return answer;
  }
  auto values = querier.LabelValues(*selection, request.name());
  if (!values.ok()) return values.status();
  for (std::string& value : *values) answer.add_names(std::move(value));
  return answer;
}

absl::StatusOr<wire::SeriesResponse> Series(const Querier& querier, const wire::SeriesRequest& request) {
  auto selection = Selected(OneOf(request.matchers()), "", RangeOfMs(request.start(), request.end()));
  if (!selection.ok()) return selection.status();
  auto all = querier.ListSeries(*selection);
  if (!all.ok()) return all.status();
  std::set<profile::Labels> sets;
  for (const store::Series& series : *all) {
    profile::Labels labels;
    for (const auto& [name, value] : series.labels) {
      if (request.label_names().empty() ||
          std::ranges::find(request.label_names(), name) != request.label_names().end()) {
        labels.emplace(name, value);
      }
    }
    if (!labels.empty()) sets.insert(std::move(labels));
  }
  wire::SeriesResponse answer;
  for (const profile::Labels& labels : sets) {
    auto* set = answer.add_labels_set();
    for (const auto& [name, value] : labels) {
      auto* pair = set->add_labels();
      pair->set_name(name);
      pair->set_value(value);
    }
  }
  return answer;
}

// Levels from the root down, each frame by its distance from the one to its left.
wire::FlameGraph LevelsOf(const profile::Flame& flame) {
  wire::FlameGraph graph;
  for (const std::string& name : flame.names) graph.add_names(name);
  graph.set_names(flame.name[0], "total");
  graph.set_total(flame.total[0]);
  std::vector<int64_t> next, end;  // by depth: where the next frame begins, and where the last one ended
  for (size_t i = 0; i < flame.depth.size(); ++i) {
    const auto depth = static_cast<size_t>(flame.depth[i]);
    if (next.size() < depth + 2) next.resize(depth + 2, 0), end.resize(depth + 2, 0);
    while (graph.levels_size() <= flame.depth[i]) graph.add_levels();
    const int64_t begin = next[depth];
    auto* values = graph.mutable_levels(flame.depth[i])->mutable_values();
    values->Add(begin - end[depth]);
    values->Add(flame.total[i]);
    values->Add(flame.self[i]);
    values->Add(flame.name[i]);
    graph.set_max_self(std::max(graph.max_self(), flame.self[i]));
    next[depth] = end[depth] = begin + flame.total[i];
    next[depth + 1] = begin;
  }
  return graph;
}

template <typename Request>
absl::StatusOr<query::StackQuery> StackQueryFor(const Request& request) {
  auto type = ParseTypeId(request.profile_typeid());
  if (!type.ok()) return type.status();
  auto selection = Selected(request.label_selector(), type->kind, RangeOfMs(request.start(), request.end()));
  if (!selection.ok()) return selection.status();
  return query::StackQuery{.selection = *std::move(selection), .sample_type = type->sample_type};
}

absl::StatusOr<wire::SelectMergeStacktracesResponse> SelectMergeStacktraces(
    const Querier& querier, const wire::SelectMergeStacktracesRequest& request) {
  if (request.format() == wire::PROFILE_FORMAT_TREE) {
    return absl::UnimplementedError("format tree is not served here; ask for a flame graph");
  }
  auto query = StackQueryFor(request);
  if (!query.ok()) return query.status();
  auto stacks = querier.StacksOf(*query);
  if (!stacks.ok()) return EmptyIfNothing<wire::SelectMergeStacktracesResponse>(stacks.status());
  const int64_t nodes = request.max_nodes() <= 0 ? kUsualNodes : std::min(request.max_nodes(), kMostNodes);
  wire::SelectMergeStacktracesResponse answer;
  *answer.mutable_flamegraph() =
      LevelsOf(profile::LayOut(stacks->tree, static_cast<size_t>(nodes), profile::Second::kNothing));
  return answer;
}

// All values of the kind, as Pyroscope does not: who reads a pprof picks one.
absl::StatusOr<profile::Pprof> SelectMergeProfile(const Querier& querier,
                                                  const wire::SelectMergeProfileRequest& request) {
  auto query = StackQueryFor(request);
  if (!query.ok()) return query.status();
  auto merged = querier.Merge(*query);
  if (!merged.ok()) return EmptyIfNothing<profile::Pprof>(merged.status());
  return std::move(merged->pprof);
}

absl::StatusOr<wire::SelectSeriesResponse> SelectSeries(const Querier& querier,
                                                        const wire::SelectSeriesRequest& request) {
  auto query = StackQueryFor(request);
  if (!query.ok()) return query.status();
  if (request.group_by_size() > 1) return absl::UnimplementedError("series are grouped by one label at most here");
  if (!(request.step() >= 0 && request.step() < 1e8))
    return absl::InvalidArgumentError("the step must be positive seconds");
  const std::string by = request.group_by_size() == 0 ? "" : request.group_by(0);
  const int64_t limit = request.limit() <= 0 ? kMostSeries : std::min(request.limit(), kMostSeries);
  auto timeline = querier.TimelineOf({.selection = std::move(query->selection),
                                      .sample_type = query->sample_type,
                                      .by = by,
                                      .step_ns = static_cast<int64_t>(request.step() * kNsInSecond),
                                      .limit = static_cast<size_t>(limit)});
  if (!timeline.ok()) return EmptyIfNothing<wire::SelectSeriesResponse>(timeline.status());
  wire::SelectSeriesResponse answer;
  for (const auto& row : timeline->rows) {
    auto* series = answer.add_series();
    if (!by.empty()) {
      auto* pair = series->add_labels();
      pair->set_name(by);
      pair->set_value(row.value);
    }
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
  if (method == "SelectMergeProfile") return Call(querier, request, SelectMergeProfile);
  if (method == "SelectSeries") return Call(querier, request, SelectSeries);
  return Refusal(absl::UnimplementedError(absl::StrCat(std::string(method), " is not answered here")));
}

}  // namespace sonde::web
