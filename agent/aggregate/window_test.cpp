#include "agent/aggregate/window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace sonde::aggregate {
namespace {

using model::CodeKind;
using profile::Kind;
using profile::Reason;

model::ExecutableFilePtr File(const std::string& path) {
  auto file = std::make_shared<model::ExecutableFile>();
  file->kind = CodeKind::kFile;
  file->path = path;
  return file;
}

model::ProcessInfoPtr Process(uint32_t tgid, const std::string& service, uint64_t base,
                              const model::ExecutableFilePtr& file) {
  auto process = std::make_shared<model::ProcessInfo>();
  process->tgid = tgid;
  process->labels = {{profile::kServiceName, service}, {profile::kProcess, service + "-process"}};
  process->mappings = {{.start = base, .limit = base + 0x1000, .file_offset = 0x200, .file = file}};
  return process;
}

std::shared_ptr<const model::RawStack> UserStack(model::ProcessInfoPtr process, std::vector<uint64_t> addresses) {
  auto stack = std::make_shared<model::RawStack>();
  stack->process = std::move(process);
  for (uint64_t address : addresses) stack->user.push_back({nullptr, address});
  return stack;
}

int64_t Total(const std::vector<model::ProfileBatch>& batches) {
  int64_t total = 0;
  for (const auto& batch : batches) {
    for (const auto& sample : batch.samples) total += static_cast<int64_t>(sample.ns);
  }
  return total;
}

TEST(Window, KnowsTheMainProgramEvenWhenNoFrameLiesInIt) {
  auto library = File("/lib/libc.so.6"), program = File("/usr/bin/x");
  auto process = std::make_shared<model::ProcessInfo>(*Process(1, "x", 0x10000, library));
  process->executable = "x";
  process->mappings.push_back({.start = 0x20000, .limit = 0x21000, .file_offset = 0, .file = program});
  model::Slice slice;
  slice.processes = {{1, process}};
  slice.stacks = {{{1, 1}, UserStack(process, {0x10010})}};
  slice.samples = {{1, Reason::kDisk, {1, 1}, 1, 10}};
  Window window;
  window.Add(slice);
  EXPECT_THAT(window.Batches(Kind::kOffCpu)[0].files, testing::UnorderedElementsAre(library, program));
}

TEST(Window, CountsHowLongWaitsWereByReasonAndProcessWithoutTheirStacks) {
  auto library = File("/lib/libc.so.6");
  auto process = Process(1, "x", 0x10000, library);
  model::Slice slice;
  slice.processes = {{1, process}};
  slice.stacks = {{{1, 1}, UserStack(process, {0x10010})}, {{2, 1}, UserStack(process, {0x10020})}};
  slice.samples = {{1, Reason::kDisk, {1, 1}, 5, 10},
                   {1, Reason::kDisk, {2, 1}, 3, 10},
                   {1, Reason::kPipe, {2, 1}, 1, 10},
                   {1, Reason::kOnCpu, {2, 1}, 7, 70}};
  slice.samples[0].lengths.counts[3] = 4;
  slice.samples[0].lengths.counts[9] = 1;
  slice.samples[1].lengths.counts[3] = 3;
  slice.samples[2].lengths.counts[3] = 1;
  Window window;
  window.Add(slice);
  window.Add(slice);
  const auto batches = window.Batches(Kind::kWaitLengths);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].kind, Kind::kWaitLengths);
  std::map<std::pair<Reason, uint32_t>, uint64_t> counts;
  for (const auto& sample : batches[0].samples) {
    EXPECT_TRUE(counts.emplace(std::pair(sample.reason, sample.stack), sample.count).second);
    ASSERT_EQ(batches[0].stacks[sample.stack].size(), 1U) << "a marker";
  }
  std::vector<uint64_t> disk, pipe;
  for (const auto& [key, count] : counts) (key.first == Reason::kDisk ? disk : pipe).push_back(count);
  EXPECT_THAT(disk, testing::UnorderedElementsAre(14U, 2U));
  EXPECT_THAT(pipe, testing::ElementsAre(2U));
}

TEST(Window, KeepsFaultsApartFromTimeAndSumsThemByStack) {
  auto library = File("/lib/libc.so.6");
  auto first = Process(1, "x", 0x10000, library), second = Process(2, "x", 0x50000, library);
  model::Slice slice;
  slice.processes = {{1, first}, {2, second}};
  slice.stacks = {{{1, 1}, UserStack(first, {0x10010})}, {{2, 1}, UserStack(second, {0x50010})}};
  slice.samples = {{1, Reason::kOnCpu, {1, 1}, 1, 10}};
  slice.faults = {{.tgid = 1, .stack = {1, 1}, .count = 4, .bytes = 4 * 4096},
                  {.tgid = 2, .stack = {2, 1}, .count = 2, .bytes = 2 << 20},
                  {.tgid = 2, .stack = model::kStackLost, .count = 8, .bytes = 0}};
  Window window;
  window.Add(slice);
  window.Add(slice);
  const auto batches = window.Batches(Kind::kFaults);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0].kind, Kind::kFaults);
  ASSERT_EQ(batches[0].samples.size(), 2U);  // both processes have the same stack
  const auto& lost = batches[0].samples[batches[0].samples[0].count == 16 ? 0 : 1];
  const auto& known = batches[0].samples[batches[0].samples[0].count == 16 ? 1 : 0];
  EXPECT_EQ(lost.count, 16U);
  EXPECT_EQ(lost.bytes, 0U);
  EXPECT_EQ(known.count, 12U);
  EXPECT_EQ(known.bytes, 2U * (4 * 4096 + (2 << 20)));
  EXPECT_EQ(Total(window.Batches(Kind::kCpu)), 20);
  EXPECT_TRUE(window.Batches(Kind::kOffCpu).empty());
  EXPECT_EQ(window.Batches(Kind::kFaults, 1)[0].samples[0].count, 8U);
}

TEST(Window, TellsLengthsAndWakersOfWaitsThatMerge) {
  auto library = File("/lib/libc.so.6");
  auto first = Process(1, "x", 0x10000, library), second = Process(2, "x", 0x20000, library);
  auto waker = Process(3, "y", 0x30000, library);
  model::Slice slice;
  slice.processes = {{1, first}, {2, second}, {3, waker}};
  slice.stacks = {{{1, 1}, UserStack(first, {0x10010})},
                  {{2, 1}, UserStack(second, {0x20010})},
                  {{3, 1}, UserStack(waker, {0x30020})}};
  slice.samples = {{1, Reason::kLock, {1, 1}, 1, 10}, {2, Reason::kLock, {2, 1}, 1, 20}};
  slice.samples[0].lengths.longest_ns = 15;
  slice.samples[1].lengths.longest_ns = 12;
  slice.wakers = {{1, Reason::kLock, {1, 1}, 3, {3, 1}, 4, 40, {2, 12, 7}},
                  {2, Reason::kLock, {2, 1}, 3, {3, 1}, 1, 10, {1, 9, 9}},
                  {2, Reason::kDisk, {2, 1}, 3, {3, 1}, 9, 90},
                  {2, Reason::kLock, {2, 1}, 2, {1, 1}, 1, 60}};
  Window window;
  window.Add(slice);
  const std::vector<Window::Waits> waits = window.AllWaits();
  ASSERT_EQ(waits.size(), 1U);
  ASSERT_EQ(waits[0].batch.samples.size(), 1U);
  EXPECT_EQ(waits[0].lengths[0].longest_ns, 15U);
  ASSERT_EQ(waits[0].wakers[0].size(), 2U);
  EXPECT_EQ(waits[0].batch.processes[waits[0].wakers[0][0].process], "x-process");
  EXPECT_EQ(waits[0].wakers[0][0].ns, 60U);
  EXPECT_EQ(waits[0].batch.processes[waits[0].wakers[0][1].process], "y-process");
  EXPECT_EQ(waits[0].wakers[0][1].count, 5U);
  EXPECT_EQ(waits[0].wakers[0][1].holds.count, 3U);
  EXPECT_EQ(waits[0].wakers[0][1].holds.ns, 21U);
  EXPECT_EQ(waits[0].wakers[0][1].holds.longest_ns, 9U);
  EXPECT_EQ(waits[0].batch.stacks[waits[0].wakers[0][1].stack][0].offset, 0x220U);
}

TEST(Window, TellsChainsOfWakersOnceForEachWayThatTheyWent) {
  auto library = File("/lib/libc.so.6");
  auto first = Process(1, "x", 0x10000, library), second = Process(2, "x", 0x20000, library);
  auto waker = Process(3, "y", 0x30000, library);
  model::Slice slice;
  slice.processes = {{0, Process(0, "idle", 0x50000, library)}, {1, first}, {2, second}, {3, waker}};
  slice.stacks = {{{1, 1}, UserStack(first, {0x10010})},
                  {{2, 1}, UserStack(second, {0x20010})},
                  {{3, 1}, UserStack(waker, {0x30020})}};
  slice.samples = {{1, Reason::kLock, {1, 1}, 1, 10}, {2, Reason::kLock, {2, 1}, 1, 20}};
  const model::RawChain::Hop queue{.tgid = 3, .comm = "queue", .stack = {3, 1}, .ns = 4},
      timer{.comm = "", .is_interrupt = true, .stack = model::kStackLost, .ns = 5};
  slice.chains = {{1, Reason::kLock, {1, 1}, 2, 10, {queue, timer}},
                  {2, Reason::kLock, {2, 1}, 1, 20, {queue, timer}},
                  {2, Reason::kLock, {2, 1}, 1, 70, {queue}},
                  {2, Reason::kDisk, {2, 1}, 9, 90, {queue}}};
  Window window;
  window.Add(slice);
  const Window::Waits waits = window.AllWaits()[0];
  ASSERT_EQ(waits.chains.size(), 1U);
  ASSERT_EQ(waits.chains[0].size(), 2U);
  EXPECT_EQ(waits.chains[0][0].ns, 70U);
  const WakeChain& chain = waits.chains[0][1];
  EXPECT_EQ(chain.count, 3U);
  EXPECT_EQ(chain.ns, 30U);
  ASSERT_EQ(chain.hops.size(), 2U);
  EXPECT_EQ(chain.hops[0].thread, "queue");
  EXPECT_EQ(waits.batch.processes[chain.hops[0].process], "y-process");
  EXPECT_EQ(waits.batch.stacks[chain.hops[0].stack][0].offset, 0x220U);
  EXPECT_EQ(chain.hops[0].ns, 8U);
  EXPECT_TRUE(chain.hops[1].is_interrupt);
  EXPECT_EQ(chain.hops[1].ns, 10U);
}

TEST(Window, MergesTheSamePlaceInCodeOfTwoProcessesAtDifferentAddresses) {
  auto file = File("/bin/x");
  auto one = Process(1, "x", 0x10000, file), two = Process(2, "x", 0x50000, file);
  model::Slice slice;
  slice.processes = {{1, one}, {2, two}};
  slice.stacks = {{{1, 1}, UserStack(one, {0x10010})}, {{2, 1}, UserStack(two, {0x50010})}};
  slice.samples = {{1, Reason::kDisk, {1, 1}, 1, 10}, {2, Reason::kDisk, {2, 1}, 2, 20}};
  Window window;
  window.Add(slice);
  auto batches = window.Batches(Kind::kOffCpu);
  ASSERT_EQ(batches.size(), 1U);
  ASSERT_EQ(batches[0].samples.size(), 1U);
  EXPECT_EQ(batches[0].samples[0].count, 3U);
  EXPECT_EQ(batches[0].samples[0].ns, 30U);
  ASSERT_EQ(batches[0].stacks.size(), 1U);
  EXPECT_EQ(batches[0].stacks[0][0].offset, 0x210U);
  EXPECT_FALSE(batches[0].labels.contains(profile::kProcess));
}

TEST(Window, KeepsServicesAndKindsApartAndPicksOneProcess) {
  auto file = File("/bin/x");
  auto one = Process(1, "x", 0x10000, file), two = Process(2, "y", 0x50000, file);
  model::Slice slice;
  slice.processes = {{1, one}, {2, two}};
  slice.samples = {{1, Reason::kOnCpu, model::kStackLost, 1, 10}, {2, Reason::kRunQueue, model::kStackNewThread, 1, 5}};
  Window window;
  window.Add(slice);
  EXPECT_EQ(window.Batches(Kind::kCpu).size(), 1U);
  EXPECT_EQ(window.Batches(Kind::kOffCpu).size(), 1U);
  EXPECT_EQ(window.Batches(Kind::kWall).size(), 2U);
  auto one_only = window.Batches(Kind::kWall, 2);
  ASSERT_EQ(one_only.size(), 1U);
  EXPECT_EQ(one_only[0].labels[profile::kServiceName], "y");
}

TEST(Window, SpreadsTheExactTimeOfTheClocksOverTheSampledStacksInWallProfiles) {
  auto process = Process(1, "x", 0x10000, File("/bin/x"));
  model::Slice slice;
  slice.end_ns = 1'000'000;
  slice.processes = {{1, process}};
  slice.stacks = {{{1, 1}, UserStack(process, {0x10010})}, {{2, 1}, UserStack(process, {0x10020})}};
  slice.samples = {
      {1, Reason::kOnCpu, {1, 1}, 3, 300}, {1, Reason::kOnCpu, {2, 1}, 1, 100}, {1, Reason::kDisk, {2, 1}, 1, 200'000}};
  slice.threads = {{.tgid = 1, .tid = 1, .comm = "x", .started_ns = 0, .ended_ns = 0, .ns = {800'000, 0, 200'000}}};
  Window window;
  window.Add(slice);
  EXPECT_EQ(Total(window.Batches(Kind::kWall)), 1'000'000);
  EXPECT_EQ(Total(window.Batches(Kind::kCpu)), 400);
}

TEST(Window, ShowsTimeOnACpuThatNoSampleHitAtAMarker) {
  auto process = Process(1, "x", 0x10000, File("/bin/x"));
  model::Slice slice;
  slice.end_ns = 1000;
  slice.processes = {{1, process}};
  slice.samples = {{1, Reason::kDisk, model::kStackUnseen, 1, 900}};
  slice.threads = {{.tgid = 1, .tid = 1, .comm = "x", .started_ns = 0, .ended_ns = 0, .ns = {100, 0, 900}}};
  Window window;
  window.Add(slice);
  auto batches = window.Batches(Kind::kWall);
  EXPECT_EQ(Total(batches), 1000);
  ASSERT_EQ(batches.size(), 1U);
  std::vector<std::string> names;
  for (const auto& file : batches[0].files) names.push_back(file->path);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("[on CPU between two samples]", "[asleep since before Sonde started]"));
}

TEST(Window, GivesWaitsWhoseStacksWereLeftOutToThoseDrawnInProcessesOfTheSameLabels) {
  auto file = File("/bin/x");
  auto one = Process(1, "x", 0x10000, file), two = Process(2, "x", 0x20000, file),
       other = Process(3, "y", 0x10000, file);
  model::Slice slice;
  slice.walk_one_in = 4;
  slice.processes = {{1, one}, {2, two}, {3, other}};
  slice.stacks = {{{1, 1}, UserStack(one, {0x10010})}};
  slice.samples = {{.tgid = 1, .reason = Reason::kDisk, .stack = {1, 1}, .count = 1, .ns = 10, .is_drawn = true},
                   {.tgid = 1, .reason = Reason::kDisk, .stack = model::kStackNotDrawn, .count = 3, .ns = 30},
                   {.tgid = 2, .reason = Reason::kDisk, .stack = model::kStackNotDrawn, .count = 2, .ns = 20},
                   {.tgid = 3, .reason = Reason::kDisk, .stack = model::kStackNotDrawn, .count = 1, .ns = 7}};
  Window window;
  window.Add(slice);
  const std::vector<model::ProfileBatch> batches = window.Batches(Kind::kOffCpu);
  ASSERT_EQ(batches.size(), 2U);
  ASSERT_EQ(batches[0].samples.size(), 1U);
  EXPECT_EQ(batches[0].samples[0].ns, 60U);
  EXPECT_EQ(batches[0].samples[0].count, 6U);
  ASSERT_EQ(batches[1].files.size(), 1U);
  EXPECT_EQ(batches[1].files[0]->path, "[stack not drawn: the agent is at its budget]");
  EXPECT_EQ(Total(batches), 67);
  EXPECT_EQ(Total(window.Batches(Kind::kOffCpu, 2)), 20);
  EXPECT_EQ(window.ExpectedStackError().left_out_ns, 57U);
  EXPECT_EQ(window.ExpectedStackError().expected_ns, 7U);
}

TEST(Window, NamesAddressesOutsideOfEveryMappingUnknown) {
  auto process = Process(1, "x", 0x10000, File("/bin/x"));
  model::Slice slice;
  slice.processes = {{1, process}};
  slice.stacks = {{{1, 1}, UserStack(process, {0x11000, 0x5})}};
  slice.samples = {{1, Reason::kOnCpu, {1, 1}, 1, 1}};
  Window window;
  window.Add(slice);
  auto batches = window.Batches(Kind::kCpu);
  for (const model::Frame& frame : batches.at(0).stacks.at(0)) {
    EXPECT_EQ(batches[0].files[frame.file]->kind, CodeKind::kUnknown);
  }
}

}  // namespace
}  // namespace sonde::aggregate
