#include "agentctl/wait_lines.h"

#include <utility>

namespace sonde::agentctl {
namespace {

constexpr size_t kFrameColumns = 60;
constexpr int kFramesOfAnExcerpt = 6;

// "[kernel.kallsyms]", "[ext4]", but not "[vdso]" and "[anon]": those are the program's.
bool IsKernel(const v1::WaitFrame& frame) {
  return !frame.file().empty() && frame.file()[0] == '[' && frame.file() != "[vdso]" && frame.file() != "[anon]" &&
         frame.file() != "[unknown]";
}

bool IsInterrupt(const v1::Waker& waker) {
  for (const v1::WaitFrame& frame : waker.stack()) {
    if (frame.function().starts_with("asm_sysvec_") || frame.function() == "asm_common_interrupt") return true;
  }
  return false;
}

}  // namespace

std::string Excerpt(const WaitFrames& stack) {
  int first = 0;
  while (first < stack.size() && IsKernel(stack[first])) ++first;
  if (first == stack.size()) first = 0;
  std::string text;
  for (int i = first; i < stack.size() && i < first + kFramesOfAnExcerpt; ++i) {
    absl::StrAppend(&text, i == first ? "" : " < ", Printable(stack[i].function(), kFrameColumns));
  }
  return absl::StrCat(text, stack.size() > first + kFramesOfAnExcerpt ? " < ..." : "");
}

std::string FrameLines(const WaitFrames& stack, std::string_view indent) {
  std::string text;
  for (const v1::WaitFrame& frame : stack) {
    absl::StrAppend(&text, std::string(indent), Printable(frame.function()), "  ", Printable(frame.file()), "\n");
  }
  return text;
}

std::string CountCell(uint64_t count) { return count == 0 ? "in progress" : HumanCount(count); }

std::string QuantileCell(uint64_t ns, uint64_t count) { return count == 0 ? "-" : HumanDuration(ns); }

Table TotalsTable(std::vector<Table::Column> more) {
  constexpr auto kRight = Table::Align::kRight;
  std::vector<Table::Column> columns;
  for (const char* title : {"TOTAL", "%", "WAITS", "P50", "P99", "LONGEST"}) columns.push_back({title, kRight});
  columns.insert(columns.end(), more.begin(), more.end());
  return Table(std::move(columns));
}

std::string WakerName(const v1::Waker& waker) {
  return IsInterrupt(waker) ? "(interrupt)" : Printable(waker.process(), kProcessColumns);
}

std::string WakerLines(const google::protobuf::RepeatedPtrField<v1::Waker>& wakers) {
  std::string text;
  for (const v1::Waker& waker : wakers) {
    absl::StrAppend(&text, "      ended by ", WakerName(waker), ", ", HumanCount(waker.count()), " looked at\n",
                    FrameLines(waker.stack(), "        "));
  }
  return text;
}

}  // namespace sonde::agentctl
