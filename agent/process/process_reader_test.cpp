#include "agent/process/process_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/fanotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "agent/process/child_for_test.h"
#include "agent/process/fake_proc_for_test.h"

namespace sonde::process {
namespace {

constexpr size_t kMapLines = 1'000;

TEST(ProcessStat, ReadsHostileNames) {
  auto stat = ParseStat("12 (a) R (b) ) S 1 1 1 0 -1 2097152 0 0 0 0 0 0 0 0 20 0 1 0 4711 1000 100");
  ASSERT_TRUE(stat.ok()) << stat.status();
  EXPECT_EQ(stat->comm, "a) R (b) ");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_TRUE(stat->is_kernel_thread);
  EXPECT_EQ(stat->start_ticks, 4711U);
}

TEST(ProcessStat, RefusesWhatIsNone) {
  for (const char* text : {"", "12", "12 (", "12 (a", "12 (a)", "12 (a) ", "12 (a) S", "12 (a) S 1 2 3", ") (",
                           "12 (a) S 1 1 1 0 -1 x 0 0 0 0 0 0 0 0 20 0 1 0 4711"}) {
    EXPECT_FALSE(ParseStat(text).ok()) << text;
  }
}

TEST(ProcessReader, SaysThatAProcessDoesNotExist) {
  telemetry::LossLedger ledger;
  ExecutableFiles files(10, &ledger);
  EXPECT_TRUE(absl::IsNotFound(ProcessReader("/proc", kMapLines, &files, &ledger).Read(0x7FFFFFF0).status()));
}

TEST(ProcessReader, FindsItselfWithItsCode) {
  telemetry::LossLedger ledger;
  ExecutableFiles files(100, &ledger);
  auto self = ProcessReader("/proc", 65'536, &files, &ledger).Read(static_cast<uint32_t>(::getpid()));
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_EQ(self->executable, "sonde_process_test");
  auto address = reinterpret_cast<uint64_t>(&ParseStat);
  for (const model::Mapping& mapping : self->mappings) {
    if (address < mapping.start || address >= mapping.limit) continue;
    // The file holds, at the offset that the mapping says, the very bytes of the function in memory.
    unsigned char in_file[32] = {};
    auto offset = static_cast<off_t>(address - mapping.start + mapping.file_offset);
    ASSERT_EQ(::pread(mapping.file->fd.Get(), in_file, sizeof(in_file), offset), 32);
    EXPECT_EQ(std::memcmp(in_file, reinterpret_cast<const void*>(address), sizeof(in_file)), 0);
    return;
  }
  ADD_FAILURE() << "no mapping holds the test's own code";
}

TEST(ProcessReader, KnowsTheVdsoOfAProcess) {
  telemetry::LossLedger ledger;
  ExecutableFiles files(100, &ledger);
  auto self = ProcessReader("/proc", 65'536, &files, &ledger).Read(static_cast<uint32_t>(::getpid()));
  ASSERT_TRUE(self.ok());
  auto is_vdso = [](const model::Mapping& mapping) { return mapping.file->kind == model::CodeKind::kVdso; };
  EXPECT_TRUE(std::ranges::any_of(self->mappings, is_vdso));
}

// Both the test and the reader are one process, so only a permission event can stop the reader between two reads.
TEST(ProcessReader, NoticesThatAPidChangedHandsWhileItWasRead) {
  base::UniqueFd events(::fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY));
  if (!events.IsValid()) GTEST_SKIP() << "fanotify needs root";
  FakeProcForTest proc;
  proc.AddProcess(9, "before", 100);
  std::string watched = proc.Of(9) / "cgroup";
  if (::fanotify_mark(events.Get(), FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, watched.c_str()) != 0) {
    GTEST_SKIP() << "this kernel has no fanotify permission events";
  }
  telemetry::LossLedger ledger;
  ExecutableFiles files(10, &ledger);
  ProcessReader reader(proc.Root(), kMapLines, &files, &ledger);
  std::thread hand_over([&] {
    fanotify_event_metadata event{};
    ASSERT_GT(::read(events.Get(), &event, sizeof(event)), 0);
    proc.WriteStat(9, "after", 200);
    fanotify_response answer{event.fd, FAN_ALLOW};
    EXPECT_EQ(::write(events.Get(), &answer, sizeof(answer)), static_cast<ssize_t>(sizeof(answer)));
    ::close(event.fd);
  });
  auto torn = reader.Read(9);
  hand_over.join();
  events.Reset();
  EXPECT_TRUE(absl::IsAborted(torn.status())) << torn.status();
  auto whole = reader.Read(9);
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->stat.comm, "after");
}

TEST(ProcessReader, FindsTheCodeOfAProcessWhoseMainThreadHasEnded) {
  pid_t pid = ::fork();
  if (pid == 0) {
    std::thread([] { ::sleep(60); }).detach();
    ::syscall(SYS_exit, 0);  // ends this thread only
  }
  ChildForTest child(pid);
  telemetry::LossLedger ledger;
  ExecutableFiles files(100, &ledger);
  ProcessReader reader("/proc", 65'536, &files, &ledger);
  auto stat = reader.ReadStat(child.Pid());
  for (int i = 0; i < 1'000 && stat.ok() && stat->state != 'Z'; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    stat = reader.ReadStat(child.Pid());
  }
  ASSERT_EQ(stat->state, 'Z');
  auto snapshot = reader.Read(child.Pid());
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_EQ(snapshot->executable, "sonde_process_test");
  EXPECT_FALSE(snapshot->mappings.empty());
}

}  // namespace
}  // namespace sonde::process
