#include "agent/process/mapping_tracker.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/process/child_for_test.h"
#include "agent/process/fake_proc_for_test.h"

namespace sonde::process {
namespace {

using model::CodeKind;
using model::Mapping;
using testing::Contains;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr uint64_t kSecond = 1'000'000'000;

class MappingTrackerTest : public testing::Test {
 protected:
  MappingTrackerOptions Options(const std::string& proc_root = "/proc") {
    MappingTrackerOptions options;
    options.proc_root = proc_root;
    options.now_ns = [this] { return now_ns_; };
    return options;
  }
  // What was told since the last call, by process.
  std::map<uint32_t, std::vector<Mapping>> Changes(MappingTracker& tracker) {
    std::map<uint32_t, std::vector<Mapping>> changes;
    ended_.clear();
    tracker.TakeChanges([&](const MappingChange& change) {
      if (change.has_ended) {
        ended_.insert(change.tgid);
        return;
      }
      bool is_new = changes.try_emplace(change.tgid, change.mappings.begin(), change.mappings.end()).second;
      EXPECT_TRUE(is_new) << "told twice: " << change.tgid;
    });
    return changes;
  }
  static std::vector<std::string> Paths(const std::vector<Mapping>& mappings) {
    std::vector<std::string> paths;
    for (const Mapping& mapping : mappings) paths.push_back(mapping.file->path);
    return paths;
  }
  model::ProcessEvent Event(decltype(model::ProcessEvent::what) what) const { return {now_ns_, std::move(what)}; }
  // As the kernel would tell of a file.
  static model::MappingEvent MappingOf(uint32_t tgid, uint64_t start, const char* path) {
    struct stat info {};
    EXPECT_EQ(::stat(path, &info), 0);
    model::MappingEvent event;
    event.tgid = event.tid = tgid;
    event.start = start;
    event.length = 0x1000;
    event.device = info.st_dev;
    event.inode = info.st_ino;
    event.path = path;
    return event;
  }
  uint64_t Losses(const std::string& cause) const {
    uint64_t count = 0;
    for (const auto& loss : ledger_.Snapshot()) count += loss.cause == cause ? loss.count : 0;
    return count;
  }

  uint64_t now_ns_ = 1'000 * kSecond;
  std::set<uint32_t> ended_;
  telemetry::LossLedger ledger_;
};

// A process that waits for its input, with a name for its only mapping.
void AddMapping(const FakeProcForTest& proc, uint32_t pid, const std::string& text) { proc.Write(pid, "maps", text); }

TEST_F(MappingTrackerTest, ScansWhatEveryProcessRuns) {
  ChildForTest child({"/bin/sleep", "1000"});
  MappingTracker tracker(Options(), &ledger_);
  ASSERT_TRUE(tracker.ScanAll().ok());
  auto changes = Changes(tracker);
  std::vector<std::string> paths = Paths(changes[child.Pid()]);
  EXPECT_THAT(paths, Contains("/usr/bin/sleep"));
  EXPECT_THAT(paths, Contains(testing::HasSubstr("libc.so.6")));
  EXPECT_THAT(paths, Contains("[vdso]"));
  EXPECT_THAT(paths, testing::Not(Contains("[vsyscall]")));
  EXPECT_TRUE(changes.contains(static_cast<uint32_t>(::getpid())));
  EXPECT_FALSE(changes.contains(2)) << "a kernel thread";
  EXPECT_THAT(Changes(tracker), IsEmpty());
}

TEST_F(MappingTrackerTest, FollowsExecAndTheMappingsThatComeAfter) {
  ChildForTest child({"/bin/sleep", "1000"});
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{child.Pid(), "sleep"}));
  EXPECT_THAT(Changes(tracker)[child.Pid()], IsEmpty());
  tracker.Apply(Event(MappingOf(child.Pid(), 0x1000, "/usr/bin/sleep")));
  tracker.Apply(Event(MappingOf(child.Pid(), 0x3000, "/usr/bin/sleep")));
  auto mappings = Changes(tracker)[child.Pid()];
  ASSERT_EQ(mappings.size(), 2U);
  EXPECT_EQ(mappings[1].start, 0x3000U);
  EXPECT_EQ(mappings[1].limit, 0x4000U);
  EXPECT_TRUE(mappings[0].file->fd.IsValid());
  EXPECT_EQ(mappings[0].file, mappings[1].file);
  tracker.Apply(Event(model::ExecEvent{child.Pid(), "other"}));
  EXPECT_THAT(Changes(tracker)[child.Pid()], IsEmpty());
}

TEST_F(MappingTrackerTest, DoesNotTellWhatIsAsItWas) {
  ChildForTest child({"/bin/sleep", "1000"});
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{child.Pid(), "sleep"}));
  tracker.Apply(Event(MappingOf(child.Pid(), 0x1000, "/usr/bin/sleep")));
  Changes(tracker);
  tracker.Apply(Event(MappingOf(child.Pid(), 0x1000, "/usr/bin/sleep")));
  EXPECT_THAT(Changes(tracker), IsEmpty());
}

TEST_F(MappingTrackerTest, SharesMappingsOverForkUntilOneSideChanges) {
  ChildForTest child({"/bin/sleep", "1000"});
  const uint32_t parent = child.Pid(), forked = 4'000'000;
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{parent, "sleep"}));
  tracker.Apply(Event(MappingOf(parent, 0x1000, "/usr/bin/sleep")));
  tracker.Apply(Event(model::ForkEvent{forked, parent, forked, parent}));
  auto changes = Changes(tracker);
  EXPECT_EQ(changes[forked].size(), 1U);
  tracker.Apply(Event(MappingOf(parent, 0x3000, "/usr/bin/sleep")));
  EXPECT_EQ(Changes(tracker)[parent].size(), 2U);
  tracker.Apply(Event(MappingOf(forked, 0x5000, "/usr/bin/sleep")));  // the file is open already
  EXPECT_EQ(Changes(tracker)[forked].size(), 2U);
  tracker.Apply(Event(model::ForkEvent{parent, parent, 4'000'001, parent}));  // a thread is no new process
  EXPECT_THAT(Changes(tracker), IsEmpty());
}

TEST_F(MappingTrackerTest, ForgetsAProcessAWhileAfterItsLastThread) {
  constexpr uint32_t kNewPid = 4'000'000;
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{kNewPid, "x"}));
  tracker.Apply(Event(model::ForkEvent{kNewPid, kNewPid, kNewPid + 1, kNewPid}));
  Changes(tracker);
  tracker.Apply(Event(model::ExitEvent{kNewPid, kNewPid}));  // the first thread; the other lives on
  now_ns_ += 10 * kSecond;
  tracker.Tick();
  EXPECT_EQ(tracker.Processes(), 1U);
  tracker.Apply(Event(model::ExitEvent{kNewPid, kNewPid + 1}));
  tracker.Tick();
  EXPECT_THAT(Changes(tracker), IsEmpty());
  EXPECT_EQ(tracker.NextTickNs(), now_ns_ + kSecond);
  now_ns_ += kSecond;
  tracker.Tick();
  Changes(tracker);
  EXPECT_THAT(ended_, UnorderedElementsAre(kNewPid));
  EXPECT_EQ(tracker.Processes(), 0U);
}

TEST_F(MappingTrackerTest, AsksProcWhetherAScannedProcessHasEndedWithItsFirstThread) {
  FakeProcForTest proc;
  proc.AddProcess(5, "x", 1);
  AddMapping(proc, 5, "1000-2000 r-xp 00000000 00:00 0 \n");
  MappingTracker tracker(Options(proc.Root()), &ledger_);
  ASSERT_TRUE(tracker.ScanAll().ok());
  tracker.Apply(Event(model::ExitEvent{5, 5}));
  now_ns_ += kSecond;
  tracker.Tick();
  EXPECT_EQ(tracker.Processes(), 1U) << "its stat says that it lives";
  proc.RemoveProcess(5);
  now_ns_ += 5 * kSecond;
  tracker.Tick();
  Changes(tracker);
  EXPECT_THAT(ended_, UnorderedElementsAre(5U));
}

TEST_F(MappingTrackerTest, KeepsTheNewProcessOfAPidThatIsUsedAgain) {
  constexpr uint32_t kNewPid = 4'000'000, kParent = 4'000'001;
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{kParent, "x"}));
  tracker.Apply(Event(model::ExecEvent{kNewPid, "x"}));
  tracker.Apply(Event(model::ExitEvent{kNewPid, kNewPid}));
  tracker.Apply(Event(model::ForkEvent{kNewPid, kParent, kNewPid, kParent}));
  now_ns_ += 10 * kSecond;
  tracker.Tick();
  EXPECT_TRUE(Changes(tracker).contains(kNewPid));
}

TEST_F(MappingTrackerTest, IgnoresEventsOlderThanTheScan) {
  ChildForTest child({"/bin/sleep", "1000"});
  MappingTracker tracker(Options(), &ledger_);
  model::ProcessEvent exec = Event(model::ExecEvent{child.Pid(), "sleep"});
  model::ProcessEvent exit = Event(model::ExitEvent{child.Pid(), child.Pid()});
  now_ns_ += 1;
  ASSERT_TRUE(tracker.ScanAll().ok());
  tracker.Apply(exec);
  tracker.Apply(exit);
  EXPECT_FALSE(Changes(tracker)[child.Pid()].empty());
}

TEST_F(MappingTrackerTest, ReadsAProcessAgainAtGrowingIntervals) {
  FakeProcForTest proc;
  proc.AddProcess(5, "x", 1);
  AddMapping(proc, 5, "1000-2000 r-xp 00000000 00:00 0 \n");
  MappingTracker tracker(Options(proc.Root()), &ledger_);
  ASSERT_TRUE(tracker.ScanAll().ok());
  Changes(tracker);
  std::vector<uint64_t> waits;
  for (int i = 0; i < 11; ++i) {
    AddMapping(proc, 5, "1000-" + std::to_string(2001 + i) + " r-xp 00000000 00:00 0 \n");
    const uint64_t asked_ns = now_ns_;
    tracker.RequestRescan(5);
    tracker.RequestRescan(5);
    while (Changes(tracker).empty() && now_ns_ < asked_ns + 100 * kSecond) {
      now_ns_ = tracker.NextTickNs();
      tracker.Tick();
    }
    waits.push_back((now_ns_ - asked_ns) / 1'000'000);
  }
  EXPECT_THAT(waits, testing::ElementsAre(0, 100, 200, 400, 800, 1'600, 3'200, 6'400, 12'800, 25'000, 25'000));
}

TEST_F(MappingTrackerTest, MeetsAProcessThatItMissedByRescan) {
  FakeProcForTest proc;
  MappingTracker tracker(Options(proc.Root()), &ledger_);
  tracker.RequestRescan(5);
  EXPECT_THAT(Changes(tracker), IsEmpty());
  proc.AddProcess(5, "x", 1);
  AddMapping(proc, 5, "1000-2000 r-xp 00000000 00:00 0 \n");
  tracker.RequestRescan(5);
  EXPECT_TRUE(Changes(tracker).contains(5));
}

TEST_F(MappingTrackerTest, ReadsEverythingAgainAfterALoss) {
  FakeProcForTest proc;
  proc.AddProcess(5, "ends unseen", 1);
  AddMapping(proc, 5, "1000-2000 r-xp 00000000 00:00 0 \n");
  MappingTracker tracker(Options(proc.Root()), &ledger_);
  ASSERT_TRUE(tracker.ScanAll().ok());
  Changes(tracker);
  proc.RemoveProcess(5);
  proc.AddProcess(6, "begins unseen", 1);
  AddMapping(proc, 6, "1000-2000 r-xp 00000000 00:00 0 \n");
  tracker.Apply(Event(model::LostEvent{7}));
  EXPECT_EQ(tracker.NextTickNs(), 0U);
  tracker.Tick();
  EXPECT_TRUE(Changes(tracker).contains(6));
  EXPECT_EQ(Losses("side_band_lost"), 7U);
  tracker.Apply(Event(model::LostEvent{1}));  // soon after: not at once again
  EXPECT_EQ(tracker.NextTickNs(), now_ns_ + kSecond);
  now_ns_ += kSecond;
  tracker.Tick();
  Changes(tracker);
  EXPECT_THAT(ended_, UnorderedElementsAre(5U));
}

TEST_F(MappingTrackerTest, SweepsWhatEndedWithoutAWord) {
  FakeProcForTest proc;
  proc.AddProcess(5, "x", 1);
  AddMapping(proc, 5, "1000-2000 r-xp 00000000 00:00 0 \n");
  MappingTracker tracker(Options(proc.Root()), &ledger_);
  ASSERT_TRUE(tracker.ScanAll().ok());
  proc.RemoveProcess(5);
  while (tracker.Processes() > 0 && now_ns_ < 2'000 * kSecond) {
    now_ns_ = tracker.NextTickNs();
    tracker.Tick();
  }
  EXPECT_EQ(tracker.Processes(), 0U);
}

TEST_F(MappingTrackerTest, BoundsProcessesAndMappingsAndCountsTheRest) {
  MappingTrackerOptions options = Options();
  options.max_processes = 1;
  options.max_mappings = 2;
  MappingTracker tracker(options, &ledger_);
  tracker.Apply(Event(model::ExecEvent{4'000'000, "x"}));
  tracker.Apply(Event(model::ExecEvent{4'000'001, "x"}));
  EXPECT_EQ(tracker.Processes(), 1U);
  EXPECT_EQ(Losses("table_full"), 1U);
  model::MappingEvent event;
  event.tgid = event.tid = 4'000'000;
  event.path = "//anon";
  event.length = 0x1000;
  for (event.start = 0x10000; event.start < 0x60000; event.start += 0x10000) tracker.Apply(Event(event));
  EXPECT_EQ(Changes(tracker)[4'000'000].size(), 2U);
  EXPECT_EQ(Losses("mappings_full"), 3U);
}

TEST_F(MappingTrackerTest, TellsJitCodeInFilesWithoutANameFromPrograms) {
  if (::geteuid() != 0) GTEST_SKIP() << "map_files needs root";
  struct {
    const char* content;
    CodeKind kind;
  } cases[] = {{"\x90\x90\x90\xc3", CodeKind::kAnonymous}, {"\177ELF", CodeKind::kFile}};
  for (const auto& one : cases) {
    base::UniqueFd memory(::memfd_create("doublemapper", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(memory.Get(), 4'096), 0);
    ASSERT_EQ(::pwrite(memory.Get(), one.content, std::strlen(one.content), 0), 4);
    void* code = ::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_SHARED, memory.Get(), 0);
    struct stat info {};
    ::fstat(memory.Get(), &info);
    model::MappingEvent event;
    event.tgid = event.tid = static_cast<uint32_t>(::getpid());
    event.start = reinterpret_cast<uint64_t>(code);
    event.length = 4'096;
    event.device = info.st_dev;
    event.inode = info.st_ino;
    event.path = "/memfd:doublemapper";
    MappingTracker tracker(Options(), &ledger_);
    tracker.Apply(Event(model::ExecEvent{event.tgid, "x"}));
    tracker.Apply(Event(event));
    auto mappings = Changes(tracker)[event.tgid];
    ASSERT_EQ(mappings.size(), 1U);
    EXPECT_EQ(mappings[0].file->kind, one.kind) << one.content;
    ::munmap(code, 4'096);
  }
}

TEST_F(MappingTrackerTest, DoesNotTakeWhatIsMappedNowForAnotherFileOfBefore) {
  if (::geteuid() != 0) GTEST_SKIP() << "map_files needs root";
  base::UniqueFd fd(::open("/usr/bin/sleep", O_RDONLY | O_CLOEXEC));
  void* code = ::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd.Get(), 4'096);
  const auto self = static_cast<uint32_t>(::getpid());
  model::MappingEvent event = MappingOf(self, reinterpret_cast<uint64_t>(code), "/usr/bin/sleep");
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{self, "x"}));
  event.inode += 1'000'000'000;
  tracker.Apply(Event(event));
  EXPECT_FALSE(Changes(tracker)[self].at(0).file->fd.IsValid());
  event.inode -= 1'000'000'000;
  tracker.Apply(Event(event));
  EXPECT_TRUE(Changes(tracker)[self].at(0).file->fd.IsValid());
  ::munmap(code, 4'096);
}

TEST_F(MappingTrackerTest, SeesThatAFileWasOverwritten) {
  if (::geteuid() != 0) GTEST_SKIP() << "map_files needs root";
  const std::string path = testing::TempDir() + "sonde_overwritten_" + std::to_string(::getpid());
  std::ofstream(path) << std::string(8'192, 'a') << std::flush;
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  void* code = ::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd.Get(), 0);
  const auto self = static_cast<uint32_t>(::getpid());
  model::MappingEvent event = MappingOf(self, reinterpret_cast<uint64_t>(code), path.c_str());
  MappingTracker tracker(Options(), &ledger_);
  tracker.Apply(Event(model::ExecEvent{self, "x"}));
  tracker.Apply(Event(event));
  auto before = Changes(tracker)[self].at(0).file;
  ASSERT_EQ(::ftruncate(fd.Get(), 4'096), 0);
  tracker.Apply(Event(event));
  auto after = Changes(tracker)[self].at(0).file;
  EXPECT_NE(before, after);
  EXPECT_EQ(after->identity.size_bytes, 4'096);
  ::munmap(code, 4'096);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace sonde::process
