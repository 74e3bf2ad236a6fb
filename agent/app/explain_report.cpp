#include "agent/app/explain_report.h"

#include <fcntl.h>

#include <map>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/process/process_reader.h"
#include "base/read_file.h"
#include "base/unique_fd.h"

namespace sonde::app {
namespace {

using control::v1::ExplainedCode;
using model::CodeKind;
using symbolize::NameSources;
using By = unwind::FileUnwinding::By;

constexpr int kMaxRanges = 32;
constexpr size_t kMaxProcBytes = 65'536;
constexpr char kAdviceForJit[] =
    "have the program write a perf map: node --perf-basic-prof (or --perf-prof, a jitdump), java: jcmd PID "
    "Compiler.perfmap, "
    "python3 -X perf (3.12), DOTNET_PerfMapEnabled=1";

absl::StatusOr<process::ProcessStat> StatOf(uint32_t pid) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", pid, "/stat"), kMaxProcBytes);
  return text.ok() ? process::ParseStat(*text) : absl::StatusOr<process::ProcessStat>(text.status());
}

// The process that a thread is of; 0 when it cannot be told.
uint32_t ProcessOfThread(uint32_t tid) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", tid, "/status"), kMaxProcBytes);
  if (!text.ok()) return 0;
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field = absl::StrSplit(line, absl::MaxSplits('\t', 1));
    uint32_t tgid = 0;
    if (field.first == "Tgid:") return absl::SimpleAtoi(field.second, &tgid) ? tgid : 0;
  }
  return 0;
}

absl::StatusOr<process::MadeCodeFile> MadeCodeOf(uint32_t pid) {
  const base::UniqueFd folder(::open(absl::StrCat("/proc/", pid).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.IsValid()) return absl::NotFoundError("the process is gone");
  return process::OpenMadeCodeFile(folder.Get());
}

// All code without a file is one entry.
const model::ExecutableFile* EntryOf(const model::Mapping& mapping) {
  return mapping.file->kind == CodeKind::kAnonymous ? nullptr : mapping.file.get();
}

void AddRange(const model::Mapping& mapping, ExplainedCode* out) {
  out->set_mappings(out->mappings() + 1);
  out->set_bytes(out->bytes() + mapping.limit - mapping.start);
  if (out->ranges_size() >= kMaxRanges) return;
  control::v1::CodeRange* range = out->add_ranges();
  range->set_start(mapping.start);
  range->set_limit(mapping.limit);
  range->set_file_offset(mapping.file_offset);
}

const char* UnwindingWord(By by) {
  switch (by) {
    case By::kTable:
      return "table";
    case By::kFramePointers:
      return "frame-pointers";
    case By::kNothingYet:
      return "pending";
    case By::kNothing:
      break;
  }
  return "refused";
}

void ExplainUnwinding(const unwind::FileUnwinding& unwinding, const names::Contents& own, bool has_file,
                      ExplainedCode* out) {
  out->set_unwinding(UnwindingWord(unwinding.by));
  out->set_unwinding_trouble(unwinding.why);
  if (unwinding.by == By::kFramePointers) {
    out->set_unwinding_trouble(has_file ? "it has no call frame information"
                                        : "code without a file has no call frame information");
  }
  if (unwinding.by != By::kTable) return;
  if (own.eh_frame) out->add_unwound_by("eh_frame");
  if (own.go_table) out->add_unwound_by("go");
  if (own.debug_frame) out->add_unwound_by("debug_frame");
  if (out->unwound_by().empty()) out->add_unwound_by("machine-code");
}

// In the order in which the worker believes them.
void ExplainNames(const NameSources& sources, ExplainedCode* out) {
  out->set_build_id(sources.build_id);
  for (const NameSources::Tried& tried : sources.tried) {
    control::v1::TriedPlace* place = out->add_tried();
    place->set_path(tried.path);
    place->set_found(tried.found);
  }
  if (!sources.status.ok()) return out->set_naming_trouble(std::string(sources.status.message()));
  out->set_debug_file(sources.debug_path);
  out->set_supplementary_file(sources.supplement_path);
  out->set_split_files(sources.split_files);
  const names::Contents& lines = sources.debug.HasLines() ? sources.debug : sources.own;
  if (lines.HasLines()) out->add_named_by(lines.go_table ? "go" : "dwarf");
  out->set_has_lines(lines.HasLines());
  if (sources.own.symbols || sources.debug.symbols) {
    out->add_named_by("symtab");
  } else {
    if (sources.own.exports) out->add_named_by("dynsym");
    if (sources.own.packed_symbols && sources.debug_path.empty()) out->add_named_by("gnu_debugdata");
  }
  if (out->named_by().empty()) out->set_naming_trouble("it has no symbols");
}

void ExplainJit(const absl::StatusOr<process::MadeCodeFile>& made, const NameSources& sources, ExplainedCode* out) {
  const absl::Status& status = made.ok() ? sources.status : made.status();
  if (status.ok()) {
    out->add_named_by(made->path.ends_with(".dump") ? "jitdump" : "perf-map");
    return out->set_has_lines(sources.own.HasLines());
  }
  out->set_naming_trouble(std::string(status.message()));
  if (absl::IsNotFound(status)) out->set_advice(kAdviceForJit);
}

}  // namespace

absl::StatusOr<CodeOfProcess> LookAtProcess(uint32_t pid, const CodeTables& code) {
  const auto before = StatOf(pid);
  if (!before.ok())
    return absl::NotFoundError(
        absl::StrCat("there is no process ", pid, ": 'agentctl account' lists those that there are"));
  if (const uint32_t tgid = ProcessOfThread(pid); tgid != 0 && tgid != pid) {
    return absl::NotFoundError(absl::StrCat(pid, " is a thread of process ", tgid, ": ask for that"));
  }
  if (before->is_kernel_thread) {
    return absl::FailedPreconditionError(
        absl::StrCat("process ", pid,
                     " is of the kernel, which follows its stacks itself; its functions are named by /proc/kallsyms"));
  }
  auto mappings = code.MappingsOf(pid);
  if (!mappings.ok() || mappings->empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("nothing is known of the code of process ", pid,
                     " (yet): it has just begun, has ended, or hides its memory; try again"));
  }
  CodeOfProcess process{*std::move(mappings), MadeCodeOf(pid)};
  const auto after = StatOf(pid);
  if (!after.ok() || after->start_ticks != before->start_ticks) {
    return absl::AbortedError(absl::StrCat("process ", pid, " has ended meanwhile"));
  }
  return process;
}

void ReportCode(const CodeOfProcess& process,
                const std::function<unwind::FileUnwinding(const model::ExecutableFile&)>& unwinding_of,
                const std::function<NameSources(const model::ExecutableFilePtr&)>& sources_of,
                control::v1::ExplainReply* reply) {
  std::map<const model::ExecutableFile*, int> places;
  for (const model::Mapping& mapping : process.mappings) {
    auto [place, is_new] = places.try_emplace(EntryOf(mapping), reply->code_size());
    ExplainedCode* out = is_new ? reply->add_code() : reply->mutable_code(place->second);
    AddRange(mapping, out);
    if (!is_new) continue;
    const CodeKind kind = mapping.file->kind;
    const bool has_file = kind == CodeKind::kFile || kind == CodeKind::kVdso;
    out->set_path(has_file ? mapping.file->path : "[anon]");
    out->set_is_of_host(kind == CodeKind::kFile && mapping.file->root == nullptr);
    NameSources sources;
    if (has_file || process.made.ok()) sources = sources_of(has_file ? mapping.file : process.made->file);
    ExplainUnwinding(unwinding_of(*mapping.file), sources.own, has_file, out);
    if (has_file)
      ExplainNames(sources, out);
    else
      ExplainJit(process.made, sources, out);
  }
}

}  // namespace sonde::app
