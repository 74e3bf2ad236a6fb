#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "proto/sonde/control/v1/control.pb.h"

// What the tables of waits, peers, locks and disks show in the same way.
namespace sonde::agentctl {

namespace v1 = ::sonde::control::v1;

using WaitFrames = google::protobuf::RepeatedPtrField<v1::WaitFrame>;

inline constexpr size_t kProcessColumns = 28;

// Callers to the right, from the program's own innermost frame on; the kernel's only where there are no others.
std::string Excerpt(const WaitFrames& stack);

// A line for each frame, leaf first.
std::string FrameLines(const WaitFrames& stack, std::string_view indent);

// "(interrupt)" when it is nobody's doing: a device's or a timer's.
std::string WakerName(const v1::Waker& waker);

// A paragraph for each waker: who, how many waits, and its stack.
std::string WakerLines(const google::protobuf::RepeatedPtrField<v1::Waker>& wakers);

// A paragraph for each of the first few chains of wakers: a line for each hop, with its share of the time of the
// chain's waits.
std::string ChainLines(const google::protobuf::RepeatedPtrField<v1::WakeChain>& chains);

// The lines of a table with so many rows, and the paragraph `below(i)` after its row i; of Markdown all after the
// table.
template <typename Below>
std::string WithParagraphs(const Table& table, bool is_whole, int rows, Below below) {
  const std::string lines = is_whole ? table.ShownWhole() : table.Shown();
  if (TablesAreMarkdown()) {
    std::string text = lines;
    for (int i = 0; i < rows; ++i) absl::StrAppend(&text, i + 1, ".\n\n", below(i), "\n");  // indented: as it is
    return text;
  }
  size_t at = lines.find('\n') + 1;
  std::string text = lines.substr(0, at);
  for (int i = 0; i < rows; ++i) {
    const size_t end = lines.find('\n', at) + 1;
    absl::StrAppend(&text, lines.substr(at, end - at), below(i));
    at = end;
  }
  return text;
}

// The table, cut to the terminal; or, to show whole stacks, uncut and with the paragraph `below(i)` after its row i.
template <typename Below>
std::string RowsText(const Table& table, bool whole_stacks, int rows, Below below) {
  return whole_stacks ? WithParagraphs(table, true, rows, below) : table.Shown();
}

// Columns TOTAL, %, WAITS, P50, P99 and LONGEST, then `more`.
Table TotalsTable(std::vector<Table::Column> more);

// How many waits ended.
std::string CountCell(uint64_t count);

// A percentile of so many waits that ended.
std::string QuantileCell(uint64_t ns, uint64_t count);

// The cells of those six, of a message with count, ns, p50_ns, p99_ns and longest_ns.
template <typename Line>
std::vector<std::string> TotalCells(const Line& line, double whole_ns) {
  return {HumanDuration(line.ns()),
          Percent(static_cast<double>(line.ns()), whole_ns),
          CountCell(line.count()),
          QuantileCell(line.p50_ns(), line.count()),
          QuantileCell(line.p99_ns(), line.count()),
          HumanDuration(line.longest_ns())};
}

}  // namespace sonde::agentctl
