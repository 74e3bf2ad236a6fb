#include "agentctl/query.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agentctl/report_error.h"
#include "agentctl/stored_selection.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "nlohmann/json.hpp"

namespace sonde::agentctl {
namespace {

using Json = nlohmann::json;
constexpr auto kNumber = Table::Align::kRight;
constexpr size_t kStoredFileColumns = 60, kValueColumns = 24;

std::string TextIn(const Json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? Printable(found->get<std::string>()) : "";
}

int64_t NumberIn(const Json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_number() ? found->get<int64_t>() : 0;
}

// An empty list when it is none.
const Json& ListIn(const Json& from, const char* key) {
  static const Json none = Json::array();
  const auto found = from.find(key);
  return found != from.end() && found->is_array() ? *found : none;
}

std::string AmountOf(const std::string& unit, int64_t value) {
  if (unit == "nanoseconds") return HumanDuration(value);
  if (unit == "bytes") return HumanBytes(static_cast<uint64_t>(std::max<int64_t>(value, 0)));
  return HumanCount(static_cast<uint64_t>(std::max<int64_t>(value, 0)));
}

std::string Clock(int64_t unix_ms, const char* format) {
  return absl::FormatTime(format, absl::FromUnixMillis(unix_ms), absl::LocalTimeZone());
}

std::string HeadingOf(const Json& answer) {
  const std::string unit = TextIn(answer, "unit");
  const std::string kind = TextIn(answer, "kind"), type = TextIn(answer, "sample_type");
  return absl::StrCat(
      kind, type == kind ? "" : absl::StrCat(", ", type), ": ", AmountOf(unit, NumberIn(answer, "total")), " from ",
      Clock(NumberIn(answer, "from_ms"), "%Y-%m-%d %H:%M:%S"), " to ", Clock(NumberIn(answer, "to_ms"), "%H:%M:%S"),
      " in ", HumanCount(static_cast<uint64_t>(NumberIn(answer, "profiles"))), " profiles\n");
}

std::string CommentsOf(const Json& answer) {
  std::string text;
  for (const Json& comment : ListIn(answer, "comments")) {
    if (comment.is_string()) absl::StrAppend(&text, "  ", Printable(comment.get<std::string>()), "\n");
  }
  return text.empty() ? "" : absl::StrCat("\nOf this time it is known:\n", text);
}

std::string TopText(const Json& answer) {
  Table table({{"SELF", kNumber}, {"%", kNumber}, {"TOTAL", kNumber}, {"%", kNumber}, {"FUNCTION"}, {"FILE"}});
  const std::string unit = TextIn(answer, "unit");
  const auto whole = static_cast<double>(NumberIn(answer, "total"));
  for (const Json& function : ListIn(answer, "functions")) {
    const int64_t self = NumberIn(function, "self"), total = NumberIn(function, "total");
    table.AddRow({AmountOf(unit, self), Percent(static_cast<double>(self), whole), AmountOf(unit, total),
                  Percent(static_cast<double>(total), whole), TextIn(function, "function"),
                  Printable(TextIn(function, "file"), kStoredFileColumns)});
  }
  return absl::StrCat(HeadingOf(answer), table.Shown(), CommentsOf(answer));
}

// A line for each step, a column for each value of the label.
std::string TimelineText(const Json& answer) {
  const std::string unit = TextIn(answer, "unit");
  std::vector<Table::Column> columns = {{"FROM"}};
  std::vector<const Json*> parts;
  const bool is_divided = !TextIn(answer, "by").empty();
  for (const Json& one : ListIn(answer, "series")) {
    const std::string value = TextIn(one, "value");
    columns.push_back({!is_divided ? "TOTAL" : value.empty() ? "(none)" : Printable(value, kValueColumns), kNumber});
    parts.push_back(&ListIn(one, "values"));
  }
  if (const auto rest = answer.find("rest");
      rest != answer.end() && rest->is_object() && NumberIn(*rest, "total") > 0) {
    columns.push_back({"(others)", kNumber});
    parts.push_back(&ListIn(*rest, "values"));
  }
  Table table(std::move(columns));
  const Json& times = ListIn(answer, "times_ms");
  for (size_t i = 0; i < times.size(); ++i) {
    std::vector<std::string> cells = {times[i].is_number() ? Clock(times[i].get<int64_t>(), "%m-%d %H:%M:%S") : ""};
    for (const Json* values : parts) {
      cells.push_back(i < values->size() && (*values)[i].is_number() ? AmountOf(unit, (*values)[i].get<int64_t>())
                                                                     : "");
    }
    table.AddRow(std::move(cells));
  }
  return absl::StrCat(HeadingOf(answer), table.Shown(), CommentsOf(answer));
}

std::string WordsText(const Json& words, const char* title) {
  Table table({{title}});
  for (const Json& word : words) {
    if (word.is_string()) table.AddRow({Printable(word.get<std::string>())});
  }
  return table.Shown();
}

std::string KindsText(const Json& answer) {
  Table table({{"KIND"}, {"VALUES"}, {"SERIES", kNumber}, {"PROFILES", kNumber}, {"FIRST"}, {"LAST"}});
  for (const Json& kind : ListIn(answer, "kinds")) {
    std::string values;
    for (const Json& type : ListIn(kind, "sample_types"))
      absl::StrAppend(&values, values.empty() ? "" : ", ", TextIn(type, "type"));
    table.AddRow({TextIn(kind, "kind"), values, HumanCount(static_cast<uint64_t>(NumberIn(kind, "series"))),
                  HumanCount(static_cast<uint64_t>(NumberIn(kind, "profiles"))),
                  Clock(NumberIn(kind, "first_ms"), "%Y-%m-%d %H:%M:%S"),
                  Clock(NumberIn(kind, "last_ms"), "%Y-%m-%d %H:%M:%S")});
  }
  return table.Shown();
}

std::string AnswerText(const Json& answer, const QueryOptions& options) {
  if (options.what == "timeline") return TimelineText(answer);
  if (options.what == "kinds") return KindsText(answer);
  if (options.what != "values") return TopText(answer);
  return options.by.empty() ? WordsText(ListIn(answer, "labels"), "LABEL")
                            : WordsText(ListIn(answer, "values"), "VALUE");
}

// The path below /api/v1 and its parameters.
std::string QuestionFor(const StoredSelection& selection, const QueryOptions& options, Parameters* parameters) {
  if (options.what == "kinds") {
    parameters->erase("query");
    return "kinds";
  }
  (*parameters)["kind"] = selection.kind;
  if (options.what == "values") {
    (*parameters)["label"] = options.by;
    return options.by.empty() ? "labels" : "values";
  }
  const uint32_t otherwise = options.what == "timeline" ? 5 : 20;
  (*parameters)["limit"] = absl::StrCat(options.limit != 0 ? options.limit : otherwise);
  (*parameters)["focus"] = selection.focus;
  (*parameters)["ignore"] = selection.ignore;
  if (options.what != "timeline") return "top";
  (*parameters)["by"] = options.by;
  return "timeline";
}

absl::StatusOr<std::string> PprofOf(const StoredSelection& selection, const CheckedSelection& checked) {
  if (StdoutIsTerminal())
    return absl::InvalidArgumentError(
        "a pprof is no text: write it to a file, as in `agentctl query -o pprof >web.pb.gz`");
  Parameters parameters = ParametersOf(selection, checked.span);
  parameters["focus"] = selection.focus;
  parameters["ignore"] = selection.ignore;
  return AskCollector(checked.url, absl::StrCat("/pprof/", selection.kind), parameters);
}

absl::StatusOr<std::string> AnswerTo(const StoredSelection& selection, const QueryOptions& options) {
  const absl::StatusOr<CheckedSelection> checked = Check(selection, absl::Now());
  if (!checked.ok()) return checked.status();
  if (options.pprof) return PprofOf(selection, *checked);
  Parameters parameters = ParametersOf(selection, checked->span);
  const std::string question = QuestionFor(selection, options, &parameters);
  const absl::StatusOr<std::string> body = AskCollector(checked->url, absl::StrCat("/api/v1/", question), parameters);
  if (!body.ok()) return body.status();
  const Json answer = Json::parse(*body, nullptr, /*allow_exceptions=*/false);
  if (!answer.is_object())
    return absl::FailedPreconditionError(absl::StrCat(checked->url, " is no sonde-collector: its answer is no JSON"));
  return options.format == Format::kJson
             ? absl::StrCat(answer.dump(2, ' ', false, Json::error_handler_t::replace), "\n")
             : AnswerText(answer, options);
}

}  // namespace

int RunQuery(const StoredSelection& selection, const QueryOptions& options) {
  const absl::StatusOr<std::string> answer = AnswerTo(selection, options);
  if (!answer.ok()) return ReportError(answer.status());
  std::fwrite(answer->data(), 1, answer->size(), stdout);
  return kOk;
}

int RunOpen(const StoredSelection& selection) {
  const absl::StatusOr<CheckedSelection> checked = Check(selection, absl::Now());
  if (!checked.ok()) return ReportError(checked.status());
  const std::string url = PageUrl(selection, *checked);
  std::printf("%s\n", url.c_str());
  if (std::getenv("SSH_CONNECTION") != nullptr && absl::StartsWith(url, "http://127.0.0.1:")) {
    const std::string port = url.substr(sizeof("http://127.0.0.1:") - 1,
                                        url.find('/', sizeof("http://")) - (sizeof("http://127.0.0.1:") - 1));
    std::fprintf(stderr, "From where you sit: ssh -L %s:127.0.0.1:%s THIS-HOST\n", port.c_str(), port.c_str());
  }
  const bool has_display = std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
  if (!has_display || !StdoutIsTerminal()) return kOk;
  std::fflush(stdout);
  if (::execlp("xdg-open", "xdg-open", url.c_str(), nullptr) != 0) {
    std::fputs("agentctl: there is no xdg-open to open it with\n", stderr);
  }
  return kOk;
}

}  // namespace sonde::agentctl
