#include "agentctl/wait_lines.h"

#include <algorithm>
#include <utility>

namespace sonde::agentctl {
namespace {

constexpr size_t kFrameColumns = 60;
constexpr int kFramesOfAnExcerpt = 6;
constexpr int kChainsShown = 5;  // JSON has more

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

// When it took the lock is not seen: it had it before somebody waited.
std::string HeldText(const v1::Waker& waker) {
  if (waker.held_count() == 0) return "";
  return absl::StrCat(", which had held it for at least ", HumanDuration(waker.held_ns() / waker.held_count()),
                      " on average, ", HumanDuration(waker.longest_held_ns()), " at most");
}

std::string WhoseHop(const v1::WakeHop& hop) {
  if (hop.is_interrupt()) return "<- (interrupt)";
  const std::string thread = Printable(hop.thread(), kProcessColumns);
  if (hop.thread() == hop.process()) return absl::StrCat("<- ", thread);
  return absl::StrCat("<- ", thread, " of ", Printable(hop.process(), kProcessColumns));
}

std::string LinesOfChain(const v1::WakeChain& chain) {
  constexpr auto kRight = Table::Align::kRight;
  constexpr size_t kIndent = 8;
  Table table({{"", kRight}, {"", kRight}, {""}, {""}});
  const auto whole = static_cast<double>(chain.ns());
  const auto add = [&](uint64_t ns, const std::string& who, const std::string& where) {
    table.AddRow({HumanDuration(ns), Percent(static_cast<double>(ns), whole), who, where});
  };
  uint64_t left_ns = chain.ns();
  for (const v1::WakeHop& hop : chain.hops()) {
    add(hop.ns(), WhoseHop(hop), Excerpt(hop.stack()));
    left_ns -= std::min(left_ns, hop.ns());
  }
  if (left_ns > 0 && left_ns >= chain.ns() / 1000) add(left_ns, "before that", "");
  return absl::StrCat("      ended so ", HumanCount(chain.count()), chain.count() == 1 ? " time" : " times", ", ",
                      HumanDuration(chain.ns()), "\n", table.Text(kIndent));
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
    absl::StrAppend(&text, "      ended by ", WakerName(waker), ", ", HumanCount(waker.count()), " looked at",
                    HeldText(waker), "\n", FrameLines(waker.stack(), "        "));
  }
  return text;
}

std::string ChainLines(const google::protobuf::RepeatedPtrField<v1::WakeChain>& chains) {
  std::string text;
  for (int i = 0; i < std::min(chains.size(), kChainsShown); ++i) text += LinesOfChain(chains[i]);
  return text;
}

}  // namespace sonde::agentctl
