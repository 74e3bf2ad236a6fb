#include "collector/web/questions.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "collector/query/selecting.h"
#include "collector/web/answers.h"
#include "collector/web/parameters.h"
#include "profile/flame.h"
#include "profile/flame_picture.h"
#include "profile/folded.h"
#include "profile/kind.h"
#include "profile/pprof_file.h"
#include "profile/speedscope.h"

namespace sonde::web {
namespace {

using Answer = absl::StatusOr<http::Response>;
using query::Querier;

constexpr int64_t kDefaultNodes = 10'000;
constexpr int64_t kMaxNodes = 200'000;
constexpr int64_t kDefaultRows = 100;
constexpr int64_t kDefaultLines = 20;
constexpr int64_t kMaxRows = 10'000;
constexpr int64_t kMaxStepSeconds = 31'622'400;  // 366 days
constexpr int64_t kNsPerSec = 1'000'000'000;
constexpr size_t kPictureNodes = 5'000;

profile::Second SecondOf(const query::Stacks& stacks) {
  return stacks.has_waits ? profile::Second::kWaits : profile::Second::kNothing;
}

absl::StatusOr<size_t> LimitOf(const http::Request& request, const char* name, int64_t fallback, int64_t most) {
  auto limit = NumberParameter(request, name, fallback, 1, most);
  if (!limit.ok()) return limit.status();
  return static_cast<size_t>(*limit);
}

absl::StatusOr<int64_t> StepOf(const http::Request& request) {
  auto seconds = NumberParameter(request, "step", 0, 1, kMaxStepSeconds);
  if (!seconds.ok()) return seconds.status();
  return *seconds * kNsPerSec;
}

absl::StatusOr<query::Selection> SelectionOfAnyKind(const http::Request& request) {
  return SelectionOf(request, TextParameter(request, "kind"), base::WallNs());
}

Answer Kinds(const Querier& querier, const http::Request& request) {
  if (auto status = CheckParameters(request, {"from", "to", "seconds"}); !status.ok()) return status;
  auto selection = SelectionOfAnyKind(request);
  if (!selection.ok()) return selection.status();
  auto kinds = querier.Kinds(selection->range);
  if (!kinds.ok()) return kinds.status();
  return http::JsonResponse(200, KindsJson(*kinds));
}

Answer Series(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds"});
  if (!status.ok()) return status;
  auto selection = SelectionOfAnyKind(request);
  if (!selection.ok()) return selection.status();
  auto series = querier.ListSeries(*selection);
  if (!series.ok()) return series.status();
  return http::JsonResponse(200, SeriesJson(*series));
}

Answer LabelNames(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds"});
  if (!status.ok()) return status;
  auto selection = SelectionOfAnyKind(request);
  if (!selection.ok()) return selection.status();
  auto names = querier.LabelNames(*selection);
  if (!names.ok()) return names.status();
  return http::JsonResponse(200, LabelsJson(*names));
}

Answer LabelValues(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds", "label"});
  if (!status.ok()) return status;
  const std::string label = TextParameter(request, "label");
  if (label.empty()) return absl::InvalidArgumentError("parameter 'label' is missing; such as label=reason");
  auto selection = SelectionOfAnyKind(request);
  if (!selection.ok()) return selection.status();
  auto values = querier.LabelValues(*selection, label);
  if (!values.ok()) return values.status();
  return http::JsonResponse(200, ValuesJson(label, *values));
}

Answer Overview(const Querier& querier, const http::Request& request) {
  if (auto status = CheckParameters(request, {"query", "from", "to", "seconds"}); !status.ok()) return status;
  auto selection = SelectionOfAnyKind(request);
  if (!selection.ok()) return selection.status();
  auto overview = querier.SumByService(*selection);
  if (!overview.ok()) return overview.status();
  return http::JsonResponse(200, OverviewJson(*overview));
}

Answer Timeline(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(
      request, {"kind", "query", "from", "to", "seconds", "sample_type", "focus", "ignore", "by", "step", "limit"});
  if (!status.ok()) return status;
  auto stacks = StackQueryOf(request);
  if (!stacks.ok()) return stacks.status();
  auto limit = LimitOf(request, "limit", kDefaultLines, kMaxRows);
  if (!limit.ok()) return limit.status();
  auto step = StepOf(request);
  if (!step.ok()) return step.status();
  const std::string by = TextParameter(request, "by");
  auto timeline = querier.TimelineOf({std::move(stacks->selection), std::move(stacks->sample_type),
                                      std::move(stacks->focus), std::move(stacks->ignore), by, *step, *limit});
  if (!timeline.ok()) return timeline.status();
  return http::JsonResponse(200, TimelineJson(by, *timeline));
}

Answer Top(const Querier& querier, const http::Request& request) {
  auto status =
      CheckParameters(request, {"kind", "query", "from", "to", "seconds", "sample_type", "focus", "ignore", "limit"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request);
  if (!query.ok()) return query.status();
  auto limit = LimitOf(request, "limit", kDefaultRows, kMaxRows);
  if (!limit.ok()) return limit.status();
  auto stacks = querier.StacksOf(*query);
  if (!stacks.ok()) return stacks.status();
  return http::JsonResponse(200, TopJson(stacks->heading, stacks->tree, *limit));
}

Answer Flamegraph(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(
      request, {"kind", "query", "from", "to", "seconds", "sample_type", "focus", "ignore", "max_nodes", "root"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request);
  if (!query.ok()) return query.status();
  auto max_nodes = LimitOf(request, "max_nodes", kDefaultNodes, kMaxNodes);
  if (!max_nodes.ok()) return max_nodes.status();
  auto stacks = querier.StacksOf(*query);
  if (!stacks.ok()) return stacks.status();
  return http::JsonResponse(200,
                            FlameJson(stacks->heading, profile::LayOut(stacks->tree, *max_nodes, SecondOf(*stacks))));
}

Answer Sandwich(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds", "sample_type", "focus", "ignore",
                                          "max_nodes", "function", "file"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request);
  if (!query.ok()) return query.status();
  auto max_nodes = LimitOf(request, "max_nodes", kDefaultNodes, kMaxNodes);
  if (!max_nodes.ok()) return max_nodes.status();
  const std::string function = TextParameter(request, "function"), file = TextParameter(request, "file");
  if (function.empty())
    return absl::InvalidArgumentError("parameter 'function' is missing: the function in the middle");
  auto stacks = querier.StacksOf(*query);
  if (!stacks.ok()) return stacks.status();
  const profile::Sandwich sandwich = profile::SandwichOf(stacks->tree, [&](const profile::Frame& frame) {
    return frame.name == function && (file.empty() || frame.file == file);
  });
  if (sandwich.total[0] == 0) {
    return absl::NotFoundError(absl::StrCat("no selected stack has the function '", function, "'"));
  }
  return http::JsonResponse(200, SandwichJson(stacks->heading, function, sandwich, *max_nodes, SecondOf(*stacks)));
}

// The base is asked for as the rest is, where parameters do not say otherwise.
absl::StatusOr<query::StackQuery> BaseQueryOf(http::Request request) {
  bool has_any = false;
  for (const char* name : {"query", "from", "to"}) {
    auto found = request.parameters.find(absl::StrCat("base_", name));
    if (found == request.parameters.end()) continue;
    request.parameters[name] = found->second;
    has_any = true;
    if (std::string_view(name) != "query") request.parameters.erase("seconds");
  }
  if (!has_any) {
    return absl::InvalidArgumentError("there is nothing to compare with; give base_from and base_to, or base_query");
  }
  return StackQueryOf(request);
}

absl::StatusOr<query::Normalize> NormalizeOf(const http::Request& request) {
  const std::string text = TextParameter(request, "normalize");
  if (text.empty() || text == "time") return query::Normalize::kTime;
  if (text == "total") return query::Normalize::kTotal;
  if (text == "none") return query::Normalize::kNone;
  return absl::InvalidArgumentError("'normalize' must be time, total or none");
}

Answer Diff(const Querier& querier, const http::Request& request) {
  auto status =
      CheckParameters(request, {"kind", "query", "from", "to", "seconds", "sample_type", "focus", "ignore", "root",
                                "max_nodes", "limit", "base_query", "base_from", "base_to", "normalize"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request);
  if (!query.ok()) return query.status();
  auto base = BaseQueryOf(request);
  if (!base.ok()) return base.status();
  auto normalize = NormalizeOf(request);
  if (!normalize.ok()) return normalize.status();
  auto max_nodes = LimitOf(request, "max_nodes", kDefaultNodes, kMaxNodes);
  if (!max_nodes.ok()) return max_nodes.status();
  auto limit = LimitOf(request, "limit", kDefaultRows, kMaxRows);
  if (!limit.ok()) return limit.status();
  auto comparison = querier.Compare(*query, *base, *normalize);
  if (!comparison.ok()) return comparison.status();
  return http::JsonResponse(200, DiffJson(*comparison, *max_nodes, *limit));
}

Answer Waits(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds", "focus", "ignore", "by", "limit"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request, "offcpu");
  if (!query.ok()) return query.status();
  query->root = TextParameter(request, "by");
  if (query->root.empty()) query->root = "reason";
  auto limit = LimitOf(request, "limit", kDefaultRows, kMaxRows);
  if (!limit.ok()) return limit.status();
  auto waits = querier.WaitsOf(*query);
  if (!waits.ok()) return waits.status();
  return http::JsonResponse(200, WaitsJson(query->root, *waits, *limit));
}

Answer Heatmap(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds", "focus", "ignore", "step"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request, "offcpu");
  if (!query.ok()) return query.status();
  auto step = StepOf(request);
  if (!step.ok()) return step.status();
  auto map = querier.HeatmapOf(*query, *step);
  if (!map.ok()) return map.status();
  return http::JsonResponse(200, HeatmapJson(*map));
}

Answer Picture(const Querier& querier, const query::StackQuery& query, bool is_html) {
  auto stacks = querier.StacksOf(query);
  if (!stacks.ok()) return stacks.status();
  const profile::PictureText text = {absl::StrCat(stacks->heading.kind, " ", query.selection.selector.ToString()),
                                     stacks->heading.unit};
  const auto flame = profile::LayOut(stacks->tree, is_html ? size_t{kDefaultNodes} : kPictureNodes, SecondOf(*stacks));
  if (is_html)
    return FileResponse(profile::WriteHtml(flame, text), "text/html; charset=utf-8", query.selection.kind, ".html");
  return FileResponse(profile::WriteSvg(flame, text), "image/svg+xml", query.selection.kind, ".svg");
}

Answer Export(const Querier& querier, const http::Request& request) {
  auto status = CheckParameters(request, {"kind", "query", "from", "to", "seconds", "sample_type", "focus", "ignore",
                                          "max_nodes", "root", "format"});
  if (!status.ok()) return status;
  auto query = StackQueryOf(request);
  if (!query.ok()) return query.status();
  const std::string format = TextParameter(request, "format"), kind = query->selection.kind;
  if (format == "html" || format == "svg") return Picture(querier, *query, format == "html");
  if (format != "pprof" && format != "folded" && format != "speedscope") {
    return absl::InvalidArgumentError("'format' must be pprof, folded, speedscope, svg or html");
  }
  auto merged = querier.Merge(*query);
  if (!merged.ok()) return merged.status();
  const profile::Pprof& pprof = merged->pprof;
  if (format == "pprof") return FileResponse(profile::Encode(pprof), "application/octet-stream", kind, ".pb.gz");
  if (format == "speedscope") {
    return FileResponse(profile::WriteSpeedscope(pprof, kind, query->root), "application/json", kind,
                        ".speedscope.json");
  }
  auto index = query::ValueIndexOf(pprof, query->sample_type);
  if (!index.ok()) return index.status();
  return FileResponse(profile::WriteFolded(pprof, *index, kind, query->root), "text/plain; charset=utf-8", kind,
                      ".folded");
}

constexpr Question kAll[] = {
    {"kinds", Kinds},       {"series", Series},     {"labels", LabelNames}, {"values", LabelValues},
    {"overview", Overview}, {"timeline", Timeline}, {"top", Top},           {"flamegraph", Flamegraph},
    {"sandwich", Sandwich}, {"diff", Diff},         {"waits", Waits},       {"heatmap", Heatmap},
    {"export", Export}};

}  // namespace

std::span<const Question> Questions() { return kAll; }

absl::StatusOr<query::StackQuery> StackQueryOf(const http::Request& request, std::string_view kind) {
  std::string wanted = TextParameter(request, "kind");
  if (wanted.empty()) wanted = kind;
  if (wanted.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("parameter 'kind' is missing; such as kind=", std::string(profile::KindNames())));
  }
  auto selection = SelectionOf(request, std::move(wanted), base::WallNs());
  if (!selection.ok()) return selection.status();
  return query::StackQuery{.selection = *std::move(selection),
                           .sample_type = TextParameter(request, "sample_type"),
                           .focus = TextParameter(request, "focus"),
                           .ignore = TextParameter(request, "ignore"),
                           .root = TextParameter(request, "root")};
}

http::Response FileResponse(std::string content, std::string content_type, const std::string& kind,
                            std::string_view suffix) {
  const bool is_plain =
      !kind.empty() && std::ranges::all_of(kind, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  const std::string name = absl::StrCat(is_plain ? kind : "profile", std::string(suffix));
  return {.status = 200,
          .content_type = std::move(content_type),
          .headers = {{"Content-Disposition", absl::StrCat("attachment; filename=\"", name, "\"")},
                      {"Cache-Control", "no-store"}},
          .body = std::move(content),
          .static_body = {}};
}

}  // namespace sonde::web
