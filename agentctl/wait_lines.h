#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "proto/sonde/control/v1/control.pb.h"

// What the tables of waits, peers and locks show in the same way.
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

// The table with the paragraph `below(i)` after its row i.
template <typename Below>
std::string WithParagraphs(const Table& table, int rows, Below below) {
  const std::string lines = table.Text();
  size_t at = lines.find('\n') + 1;
  std::string text = lines.substr(0, at);
  for (int i = 0; i < rows; ++i) {
    const size_t end = lines.find('\n', at) + 1;
    absl::StrAppend(&text, lines.substr(at, end - at), below(i));
    at = end;
  }
  return text;
}

// Cells TOTAL, %, WAITS, P50, P99 and LONGEST of a message with count, ns, p50_ns, p99_ns and longest_ns.
template <typename Line>
std::vector<std::string> TotalCells(const Line& line, double whole_ns) {
  auto duration = [](uint64_t ns) { return HumanDuration(static_cast<int64_t>(ns)); };
  return {duration(line.ns()),
          Percent(static_cast<double>(line.ns()), whole_ns),
          line.count() == 0 ? "in progress" : HumanCount(line.count()),
          duration(line.p50_ns()),
          duration(line.p99_ns()),
          duration(line.longest_ns())};
}

}  // namespace sonde::agentctl
