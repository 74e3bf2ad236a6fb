#include "agentctl/explain.h"

#include <cstdio>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agentctl/client.h"
#include "agentctl/exit_code.h"
#include "agentctl/explain_packages.h"
#include "agentctl/json.h"
#include "agentctl/report_error.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"

namespace sonde::agentctl {
namespace {

using Code = v1::ExplainedCode;

// What the words of the wire mean.
std::string Meaning(const std::string& word) {
  static const std::map<std::string, std::string> kMeanings = {
      {"eh_frame", "call frame information (.eh_frame)"},
      {"debug_frame", "call frame information (.debug_frame)"},
      {"go", "Go's own table"},
      {"machine-code", "the machine code of its functions"},
      {"dwarf", "DWARF"},
      {"symtab", "all symbols (.symtab)"},
      {"dynsym", "exported symbols (.dynsym)"},
      {"gnu_debugdata", "packed symbols (.gnu_debugdata)"},
      {"perf-map", "the perf map that the process writes"},
      {"jitdump", "the jitdump that the process writes"},
  };
  const auto known = kMeanings.find(word);
  return known != kMeanings.end() ? known->second : Printable(word);
}

template <typename Words>
std::string Meanings(const Words& words) {
  std::vector<std::string> meanings;
  for (const std::string& word : words) meanings.push_back(Meaning(word));
  return absl::StrJoin(meanings, ", ");
}

std::string UnwindingText(const Code& code) {
  const std::string why = Printable(code.unwinding_trouble());
  if (code.unwinding() == "table") return "by " + Meanings(code.unwound_by());
  if (code.unwinding() == "frame-pointers") return absl::StrCat("by frame pointers: ", why);
  if (code.unwinding() == "pending") return "end here for the moment: its table is being made";
  return absl::StrCat(Paint(Colour::kRed, "end here"), why.empty() ? "" : ": ", why);
}

std::string NamesText(const Code& code) {
  if (code.named_by().empty())
    return absl::StrCat(Paint(Colour::kYellow, "none"), ": ", Printable(code.naming_trouble()));
  return absl::StrCat(code.has_lines() ? "with lines and inlined functions, by " : "functions alone, by ",
                      Meanings(code.named_by()));
}

std::string Line(const std::string& what, const std::string& text) {
  return absl::StrCat("  ", what, std::string(10 - what.size(), ' '), text, "\n");
}

std::string AdviceText(const Code& code) {
  if (!code.advice().empty()) return Printable(code.advice());
  if (code.debug_package().empty()) return "";
  return absl::StrCat("install ", Printable(code.debug_package()), ", if there is one: the file is of the package ",
                      Printable(code.package()));
}

std::string CodeText(const Code& code) {
  std::string text =
      absl::StrCat(Paint(Colour::kBold, Printable(code.path())), "  ", HumanBytes(code.bytes()), " of code");
  if (code.mappings() > 1) absl::StrAppend(&text, " in ", code.mappings(), " mappings");
  if (!code.build_id().empty()) absl::StrAppend(&text, ", build id ", Printable(code.build_id()));
  absl::StrAppend(&text, "\n", Line("stacks", UnwindingText(code)), Line("names", NamesText(code)));
  if (!code.debug_file().empty()) text += Line("debug", Printable(code.debug_file()));
  if (!code.supplementary_file().empty()) text += Line("shared", Printable(code.supplementary_file()));
  if (code.split_files() > 0)
    text += Line("split", absl::StrCat(HumanCount(code.split_files()), " .dwo or .dwp files so far"));
  for (const v1::TriedPlace& tried : code.tried()) {
    text += Line("tried", absl::StrCat(Printable(tried.path()), ": ", Printable(tried.found())));
  }
  if (const std::string advice = AdviceText(code); !advice.empty()) text += Line("->", advice);
  return text;
}

bool WantsDebugFile(const Code& code) {
  return code.is_of_host() && code.naming_trouble().empty() && !code.has_lines();
}

void AddPackages(v1::ExplainReply* reply) {
  std::set<std::string> files;
  for (const Code& code : reply->code()) {
    if (WantsDebugFile(code)) files.insert(code.path());
  }
  if (files.empty()) return;
  const std::map<std::string, std::string> packages = PackagesOf("", files);
  for (Code& code : *reply->mutable_code()) {
    const auto package = packages.find(code.path());
    if (!WantsDebugFile(code) || package == packages.end()) continue;
    code.set_package(package->second);
    code.set_debug_package(DebugPackageOf(package->second));
  }
}

}  // namespace

int RunExplain(const std::string& socket, const ExplainOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::ExplainRequest request;
  request.set_pid(options.pid);
  absl::StatusOr<v1::ExplainReply> reply = client->Explain(request);
  if (!reply.ok()) return ReportError(reply.status());
  AddPackages(&*reply);
  if (options.json) {
    std::fputs(ToJson(*reply).c_str(), stdout);
    return kOk;
  }
  std::vector<std::string> paragraphs;
  for (const Code& code : reply->code()) paragraphs.push_back(CodeText(code));
  std::fputs(absl::StrJoin(paragraphs, "\n").c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
