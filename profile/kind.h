#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace sonde::profile {

// What a profile measures. The words are the same in files, URLs, flags and labels.
//
// kWaitLengths is what off-CPU profiles cannot tell, whose samples have a count and a sum: how many waits were how
// long, at one frame for each length (wait_length.h) in place of a stack, with the labels of off-CPU samples.
enum class Kind { kCpu, kOffCpu, kWall, kFaults, kWaitLengths };

struct SampleType {
  std::string_view type;
  std::string_view unit;
};

// "cpu", "offcpu", "wall", "faults", "wait_lengths".
std::string_view KindName(Kind kind);
std::optional<Kind> ParseKind(std::string_view name);
std::span<const Kind> AllKinds();
// All of them, for texts: "cpu, offcpu, wall, faults or wait_lengths".
std::string_view KindNames();

// The values of one sample of this kind, in order; the last is the default one.
// cpu: samples/count, cpu/nanoseconds. offcpu: waits/count, delay/nanoseconds. wall: wall/nanoseconds.
// faults: faults/count, bytes/bytes (by which memory grew). wait_lengths: wait_lengths/count
// (not waits, of which who sums by type alone would count each twice).
std::span<const SampleType> SampleTypes(Kind kind);

// pprof's period_type: cpu/nanoseconds for cpu (the period is 1e9/Hz), else the first sample type.
SampleType PeriodType(Kind kind);

// `__name__` under which Pyroscope files this kind: process_cpu, off_cpu, wall, page_faults,
// wait_lengths.
std::string_view PyroscopeName(Kind kind);

}  // namespace sonde::profile
