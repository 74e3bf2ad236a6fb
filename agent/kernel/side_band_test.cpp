#include "agent/kernel/side_band.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "base/clock.h"

namespace sonde::kernel {
namespace {

using model::ExecEvent;
using model::ExitEvent;
using model::ForkEvent;
using model::LostEvent;
using model::MappingEvent;
using model::ProcessEvent;

class SideBandTest : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "perf events of all processes need root";
    auto band = SideBand::Open();
    ASSERT_TRUE(band.ok()) << band.status();
    band_ = *std::move(band);
  }

  // Waits for events until `done` says so of one, for ten seconds at most. Keeps all.
  bool ReadUntil(const std::function<bool(const ProcessEvent&)>& done) {
    const uint64_t deadline = base::MonotonicNs() + 10'000'000'000;
    bool is_done = false;
    while (!is_done && base::MonotonicNs() < deadline) {
      pollfd ready{band_->Fd(), POLLIN, 0};
      ::poll(&ready, 1, 1'000);
      while (band_->Consume([&](const ProcessEvent& event) {
        seen_.push_back(event);
        is_done = is_done || done(event);
      })) {
      }
    }
    return is_done;
  }
  bool ReadUntilExitOf(pid_t pid) {
    return ReadUntil([pid](const ProcessEvent& event) {
      const auto* exit = std::get_if<ExitEvent>(&event.what);
      return exit != nullptr && exit->tid == static_cast<uint32_t>(pid);
    });
  }
  // One letter for each event of the process's first thread, in order, mappings of this path only: the thread sanitizer
  // has one of its own.
  std::string StoryOf(pid_t pid, const std::string& path) const {
    const auto tgid = static_cast<uint32_t>(pid);
    std::string story;
    for (const ProcessEvent& event : seen_) {
      if (const auto* fork = std::get_if<ForkEvent>(&event.what); fork && fork->tid == tgid) story += 'f';
      if (const auto* exec = std::get_if<ExecEvent>(&event.what); exec && exec->tgid == tgid) story += 'e';
      if (const auto* exit = std::get_if<ExitEvent>(&event.what); exit && exit->tid == tgid) story += 'x';
      const auto* mapping = std::get_if<MappingEvent>(&event.what);
      if (mapping != nullptr && mapping->tgid == tgid && mapping->path == path) story += 'm';
    }
    return story;
  }

  std::unique_ptr<SideBand> band_;
  std::vector<ProcessEvent> seen_;
};

std::string RealPathOf(const char* path) {
  char* real = ::realpath(path, nullptr);
  std::string text = real;
  ::free(real);
  return text;
}

TEST_F(SideBandTest, TellsAProcessesLifeInOrderWhicheverCpusItRunsOn) {
  for (int i = 0; i < 20; ++i) {
    pid_t pid = ::fork();
    if (pid == 0) {
      ::execl("/bin/true", "true", nullptr);
      ::_exit(1);
    }
    ::waitpid(pid, nullptr, 0);
    ASSERT_TRUE(ReadUntilExitOf(pid));
    EXPECT_EQ(StoryOf(pid, RealPathOf("/bin/true")), "femx");
  }
  EXPECT_TRUE(std::ranges::is_sorted(seen_, {}, &ProcessEvent::time_ns));
  EXPECT_EQ(band_->Malformed(), 0U);
}

TEST_F(SideBandTest, DoesNotTellOfWhatWasConsumedAlready) {
  bool is_silent = false;
  // Others may do something between the two calls: not always.
  for (int i = 0; i < 1'000 && !is_silent; ++i) {
    pid_t pid = ::fork();
    if (pid == 0) ::_exit(0);
    ::waitpid(pid, nullptr, 0);
    band_->Consume([](const ProcessEvent&) {});
    pollfd ready{band_->Fd(), POLLIN, 0};
    is_silent = ::poll(&ready, 1, 0) == 0;
  }
  EXPECT_TRUE(is_silent);
}

TEST_F(SideBandTest, TellsWhichFileAMappingHoldsAndWhere) {
  int fd = ::open("/bin/true", O_RDONLY | O_CLOEXEC);
  struct stat info {};
  ASSERT_EQ(::fstat(fd, &info), 0);
  void* readable = ::mmap(nullptr, 4'096, PROT_READ, MAP_PRIVATE, fd, 0);
  void* executable = ::mmap(nullptr, 8'192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4'096);
  ::close(fd);
  auto is_ours_at = [](const ProcessEvent& event, const void* start) {
    const auto* mapping = std::get_if<MappingEvent>(&event.what);
    return mapping != nullptr && mapping->tgid == static_cast<uint32_t>(::getpid()) &&
           mapping->start == reinterpret_cast<uint64_t>(start);
  };
  ASSERT_TRUE(ReadUntil([&](const ProcessEvent& event) { return is_ours_at(event, executable); }));
  auto found = std::ranges::find_if(seen_, [&](const ProcessEvent& event) { return is_ours_at(event, executable); });
  const auto& mapping = std::get<MappingEvent>(found->what);
  EXPECT_EQ(mapping.length, 8'192U);
  EXPECT_EQ(mapping.file_offset, 4'096U);
  EXPECT_EQ(mapping.inode, info.st_ino);
  EXPECT_EQ(mapping.path, RealPathOf("/bin/true"));
  EXPECT_EQ(mapping.protection, uint32_t{PROT_READ | PROT_EXEC});
  EXPECT_TRUE(std::ranges::none_of(seen_, [&](const ProcessEvent& event) { return is_ours_at(event, readable); }));
  ::munmap(readable, 4'096);
  ::munmap(executable, 8'192);
}

TEST_F(SideBandTest, TellsWhenMemoryBecomesExecutable) {
  void* memory = ::mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_EQ(::mprotect(memory, 4'096, PROT_READ | PROT_EXEC), 0);
  ASSERT_TRUE(ReadUntil([memory](const ProcessEvent& event) {
    const auto* mapping = std::get_if<MappingEvent>(&event.what);
    return mapping != nullptr && mapping->start == reinterpret_cast<uint64_t>(memory) && mapping->path == "//anon" &&
           mapping->inode == 0;
  }));
  ::munmap(memory, 4'096);
}

TEST_F(SideBandTest, TellsThreadsFromProcesses) {
  const auto self = static_cast<uint32_t>(::getpid());
  std::thread([] {}).join();
  EXPECT_TRUE(ReadUntil([self](const ProcessEvent& event) {
    const auto* fork = std::get_if<ForkEvent>(&event.what);
    return fork != nullptr && fork->tgid == self && fork->parent_tgid == self && fork->tid != self;
  }));
  pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(ReadUntil([self, pid](const ProcessEvent& event) {
    const auto* fork = std::get_if<ForkEvent>(&event.what);
    return fork != nullptr && fork->tgid == static_cast<uint32_t>(pid) && fork->parent_tgid == self;
  }));
}

TEST_F(SideBandTest, SaysHowManyEventsWereLostWhenNobodyReads) {
  int fd = ::open("/bin/true", O_RDONLY | O_CLOEXEC);
  constexpr int kMappings = 20'000;
  for (int i = 0; i < kMappings; ++i) {
    ::munmap(::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4'096), 4'096);
  }
  // Loss is told by the next event that finds room.
  auto ignore = [](const ProcessEvent&) {};
  band_->Consume(ignore);
  for (int cpu = 0; cpu < 64; ++cpu) {
    std::thread([fd] {
      ::munmap(::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4'096), 4'096);
    }).join();
  }
  ::munmap(::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4'096), 4'096);
  ::close(fd);
  EXPECT_TRUE(ReadUntil([](const ProcessEvent& event) {
    const auto* lost = std::get_if<LostEvent>(&event.what);
    return lost != nullptr && lost->count > 0;
  }));
}

TEST_F(SideBandTest, FollowingHotplugChangesNothingWhenNoCpuCameOrWent) {
  ASSERT_TRUE(band_->FollowHotplug().ok());
  bool lost = false;
  band_->Consume([&](const ProcessEvent& event) { lost = lost || std::holds_alternative<LostEvent>(event.what); });
  EXPECT_FALSE(lost);
}

}  // namespace
}  // namespace sonde::kernel
