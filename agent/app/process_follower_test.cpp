#include "agent/app/process_follower.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "agent/kernel/unwind_maps_for_test.h"

namespace sonde::app {
namespace {

using testing::HasSubstr;

uint64_t AddressOf(const void* code) { return reinterpret_cast<uint64_t>(code); }

// What the kernel side would know of an address.
struct Place {
  model::ExecutableFilePtr file;
  uint64_t offset = 0;
  uint32_t state = 0;  // abi::unwind_file_state
  bool has_rule = false;
};

// The tables of all that runs here are built before those that a test waits for.
unwind::UnwinderOptions WithoutBudget() {
  unwind::UnwinderOptions options;
  options.build_budget.share = 1;
  return options;
}

class ProcessFollowerTest : public kernel::UnwindMapsReader {
 protected:
  void SetUp() override {
    kernel::UnwindMapsReader::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    unwinder_ = std::make_unique<unwind::Unwinder>(maps_.get(), WithoutBudget(), &losses_);
    follower_ = std::make_unique<ProcessFollower>(process::MappingTrackerOptions{}, unwinder_.get(), &losses_);
  }
  ~ProcessFollowerTest() override {
    follower_.reset();
    unwinder_.reset();
    if (child_ > 0) EndChild();
  }

  static bool Await(const std::function<bool()>& done) {
    // A sanitizer's program has a table of megabytes, which is built under a budget: a bound, nothing is measured.
    for (int i = 0; i < 60'000 && !done(); ++i) absl::SleepFor(absl::Milliseconds(1));
    return done();
  }
  void StartChild(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    child_ = ::fork();
    if (child_ != 0) return;
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  void EndChild() {
    ::kill(child_, SIGKILL);
    ::waitpid(std::exchange(child_, 0), nullptr, 0);
  }
  std::vector<abi::unwind_mapping> MappingsOf(pid_t pid) const {
    auto process = Process(static_cast<uint32_t>(pid));
    return process ? Mappings(*process) : std::vector<abi::unwind_mapping>();
  }
  std::vector<std::string> Paths(pid_t pid) const {
    std::vector<std::string> paths;
    for (const abi::unwind_mapping& mapping : MappingsOf(pid)) {
      auto file = unwinder_->FileOf(static_cast<uint16_t>(mapping.file));
      paths.push_back(file != nullptr ? file->path : "[anon]");
    }
    return paths;
  }
  bool Runs(pid_t pid, const std::string& name) const {
    for (const std::string& path : Paths(pid)) {
      if (path.find(name) != std::string::npos) return true;
    }
    return false;
  }
  Place Find(pid_t pid, uint64_t address) const {
    for (const abi::unwind_mapping& mapping : MappingsOf(pid)) {
      if (address < mapping.start || address >= mapping.start + uint64_t{mapping.pages} * 4'096) continue;
      const auto id = static_cast<uint16_t>(mapping.file);
      const uint64_t offset = address + mapping.bias;
      if (id == UNWIND_FILE_ANONYMOUS) return {nullptr, address, 0, false};
      return {unwinder_->FileOf(id), offset, File(id).state, RuleAt(id, offset).has_value()};
    }
    return {};
  }

  telemetry::LossLedger losses_;
  std::unique_ptr<unwind::Unwinder> unwinder_;
  std::unique_ptr<ProcessFollower> follower_;
  pid_t child_ = 0;
};

TEST_F(ProcessFollowerTest, KnowsAllThatRunsWhenItHasStarted) {
  StartChild({"/bin/sleep", "1000"});
  ASSERT_TRUE(follower_->Start().ok());
  EXPECT_TRUE(Runs(::getpid(), "libc.so.6"));
  EXPECT_TRUE(Runs(::getpid(), "sonde_app_test"));
  EXPECT_THAT(Paths(::getppid()), testing::Not(testing::IsEmpty()));
  EXPECT_TRUE(Await([&] { return Runs(child_, "bin/sleep"); }));
  // With a table that says how to leave a function of each.
  for (const void* code : {reinterpret_cast<const void*>(&::getpid), reinterpret_cast<const void*>(&AddressOf)}) {
    EXPECT_TRUE(Await([&] { return Find(::getpid(), AddressOf(code)).has_rule; }));
  }
}

TEST_F(ProcessFollowerTest, FollowsAProgramFromItsStartToItsEnd) {
  ASSERT_TRUE(follower_->Start().ok());
  StartChild({"/bin/sleep", "1000"});
  const pid_t pid = child_;
  EXPECT_TRUE(Await([&] { return Runs(pid, "bin/sleep") && Runs(pid, "libc.so.6") && Runs(pid, "[vdso]"); }));
  EXPECT_FALSE(Runs(pid, "sonde_app_test"));
  EXPECT_TRUE(Await([&] { return Find(pid, MappingsOf(pid).at(0).start).state == abi::UNWIND_FILE_READY; }));
  EndChild();
  EXPECT_TRUE(Await([&] { return !Process(static_cast<uint32_t>(pid)); }));
}

TEST_F(ProcessFollowerTest, FollowsForksWithoutExec) {
  ASSERT_TRUE(follower_->Start().ok());
  child_ = ::fork();
  if (child_ == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_TRUE(Await([&] { return Runs(child_, "sonde_app_test"); }));
  EXPECT_EQ(Process(static_cast<uint32_t>(child_))->first_mapping,
            Process(static_cast<uint32_t>(::getpid()))->first_mapping)
      << "equal mappings are there once";
}

TEST_F(ProcessFollowerTest, FollowsLibrariesThatAreLoadedLater) {
  ASSERT_TRUE(follower_->Start().ok());
  ASSERT_FALSE(Runs(::getpid(), "libnss_hesiod"));
  void* library = ::dlopen("libnss_hesiod.so.2", RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const uint64_t code = AddressOf(::dlsym(library, "_nss_hesiod_setpwent"));
  EXPECT_TRUE(Await([&] { return Find(::getpid(), code).has_rule; }));
  EXPECT_THAT(Find(::getpid(), code).file->path, HasSubstr("libnss_hesiod"));
  ::dlclose(library);
}

TEST_F(ProcessFollowerTest, FollowsCodeMadeAtRunTime) {
  ASSERT_TRUE(follower_->Start().ok());
  void* code = ::mmap(nullptr, 8'192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_EQ(::mprotect(code, 8'192, PROT_READ | PROT_EXEC), 0);
  EXPECT_TRUE(Await([&] { return Find(::getpid(), AddressOf(code) + 4'096).offset == AddressOf(code) + 4'096; }));
  ::munmap(code, 8'192);
}

TEST_F(ProcessFollowerTest, KeepsAReplacedAndADeletedFileApart) {
  const std::string path = testing::TempDir() + "sonde_replaced_" + std::to_string(::getpid());
  auto copy_of_sleep = [&] { return std::system(("rm -f " + path + " && cp /bin/sleep " + path).c_str()); };
  ASSERT_EQ(copy_of_sleep(), 0);
  ASSERT_TRUE(follower_->Start().ok());
  StartChild({path, "1000"});
  const pid_t before = child_;
  EXPECT_TRUE(Await([&] { return Runs(before, path); }));
  ASSERT_EQ(copy_of_sleep(), 0);
  StartChild({path, "1000"});
  EXPECT_TRUE(Await([&] { return Runs(child_, path); }));
  const uint32_t old_file = MappingsOf(before).at(0).file, new_file = MappingsOf(child_).at(0).file;
  EXPECT_NE(old_file, new_file);
  for (uint32_t file : {old_file, new_file}) {
    EXPECT_TRUE(Await([&] { return File(static_cast<uint16_t>(file)).state == abi::UNWIND_FILE_READY; }));
  }
  ::unlink(path.c_str());
  ::kill(before, SIGKILL);
  ::waitpid(before, nullptr, 0);
}

TEST_F(ProcessFollowerTest, LosesNoProcessOfManyThatComeAndGo) {
  ASSERT_TRUE(follower_->Start().ok());
  std::vector<std::thread> starters;
  for (int i = 0; i < 4; ++i) {
    starters.emplace_back([] {
      for (int k = 0; k < 50; ++k) {
        pid_t pid = ::vfork();
        if (pid == 0) {
          ::execl("/bin/true", "true", nullptr);
          ::_exit(127);
        }
        ::waitpid(pid, nullptr, 0);
      }
    });
  }
  for (std::thread& starter : starters) starter.join();
  StartChild({"/bin/sleep", "1000"});
  EXPECT_TRUE(Await([&] { return Runs(child_, "bin/sleep") && Runs(child_, "libc.so.6"); }));
  for (const auto& loss : losses_.Snapshot()) EXPECT_NE(loss.cause, "side_band_lost");
}

TEST_F(ProcessFollowerTest, ReadsAProcessAgainWhenAWalkMissesAMapping) {
  ASSERT_TRUE(follower_->Start().ok());
  // The kernel tells of new mappings, not of moved ones.
  int fd = ::open("/bin/sleep", O_RDONLY | O_CLOEXEC);
  void* code = ::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0x2000);
  ::close(fd);
  ASSERT_TRUE(Await([&] { return Find(::getpid(), AddressOf(code)).offset == 0x2000; }));
  void* elsewhere = ::mmap(nullptr, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  void* moved = ::mremap(code, 4'096, 4'096, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere);
  ASSERT_EQ(moved, elsewhere);
  follower_->RequestRescan(static_cast<uint32_t>(::getpid()));
  EXPECT_TRUE(Await([&] { return Find(::getpid(), AddressOf(moved)).offset == 0x2000; }));
  EXPECT_EQ(Find(::getpid(), AddressOf(code)).file, nullptr);
  ::munmap(elsewhere, 1 << 20);
}

TEST_F(ProcessFollowerTest, StopsAtOnceAndTwice) {
  ASSERT_TRUE(follower_->Start().ok());
  follower_->Stop();
  follower_->Stop();
}

}  // namespace
}  // namespace sonde::app
