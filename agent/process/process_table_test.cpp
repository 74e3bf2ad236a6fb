#include "agent/process/process_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "agent/process/child_for_test.h"
#include "agent/process/fake_proc_for_test.h"

namespace sonde::process {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

class ProcessTableTest : public testing::Test {
 protected:
  ProcessTable Table(ProcessTableOptions options = {}) {
    options.now_ns = [this] { return now_ns_; };
    return ProcessTable(std::move(options), &ledger_);
  }
  ProcessTable FakeTable(size_t max_processes = 100) {
    ProcessTableOptions options;
    options.proc_root = proc_.Root();
    options.max_processes = max_processes;
    return Table(std::move(options));
  }
  uint64_t Losses(const std::string& cause) const {
    uint64_t count = 0;
    for (const auto& loss : ledger_.Snapshot()) count += loss.cause == cause ? loss.count : 0;
    return count;
  }

  telemetry::LossLedger ledger_;
  FakeProcForTest proc_;
  uint64_t now_ns_ = 1'000 * kSecondNs;
};

const model::Mapping* MappingOf(const model::ProcessInfo& info, const std::string& path) {
  for (const model::Mapping& mapping : info.mappings) {
    if (mapping.file->path == path) return &mapping;
  }
  return nullptr;
}

TEST_F(ProcessTableTest, KnowsAProcessFromFirstSightAndKeepsIt) {
  ChildForTest child({"/bin/sleep", "100"});
  ProcessTable table = Table();
  auto info = table.Find(child.Pid(), "");
  EXPECT_EQ(info->tgid, child.Pid());
  EXPECT_EQ(info->comm, "sleep");
  EXPECT_EQ(info->executable, "sleep");
  EXPECT_FALSE(info->is_kernel_thread);
  EXPECT_EQ(info->labels.at("process"), "sleep");
  EXPECT_EQ(table.Find(child.Pid(), ""), info);
}

TEST_F(ProcessTableTest, KeepsNamesForTwoWindowsAfterAProcessEnded) {
  ChildForTest child({"/bin/sleep", "100"});
  uint32_t pid = child.Pid();
  ProcessTable table = Table();
  auto info = table.Find(pid, "");
  child.End();
  table.OnExit(pid);
  EXPECT_EQ(table.Find(pid, ""), info);
  table.Expire();
  EXPECT_EQ(table.Find(pid, ""), info);
  table.Expire();
  EXPECT_EQ(table.Size(), 0U);
  EXPECT_EQ(table.Find(pid, "hint")->comm, "hint");
}

TEST_F(ProcessTableTest, NoticesAnEndThatNobodyToldIt) {
  ChildForTest child({"/bin/sleep", "100"});
  ProcessTable table = Table();
  table.Find(child.Pid(), "");
  child.End();
  for (int window = 0; window < 3; ++window) table.Expire();
  EXPECT_EQ(table.Size(), 0U);
}

TEST_F(ProcessTableTest, CanReadABinaryThatWasDeleted) {
  std::string copy = testing::TempDir() + "sonde_deleted_" + std::to_string(::getpid());
  std::filesystem::copy_file("/bin/sleep", copy, std::filesystem::copy_options::overwrite_existing);
  ChildForTest child({copy, "100"});
  std::filesystem::remove(copy);
  ProcessTable table = Table();
  auto info = table.Find(child.Pid(), "");
  if (::geteuid() != 0) GTEST_SKIP() << "map_files needs root";
  EXPECT_EQ(info->executable, std::filesystem::path(copy).filename());
  const model::Mapping* mapping = MappingOf(*info, copy);
  ASSERT_NE(mapping, nullptr);
  child.End();
  char magic[4] = {};
  ASSERT_EQ(::pread(mapping->file->fd.Get(), magic, 4, 0), 4);
  EXPECT_EQ(std::string(magic, 4), "\177ELF");
}

TEST_F(ProcessTableTest, SharesFilesBetweenProcesses) {
  ChildForTest one({"/bin/sleep", "100"}), two({"/bin/sleep", "100"});
  ProcessTable table = Table();
  auto first = table.Find(one.Pid(), "");
  size_t open = table.OpenFiles();
  auto second = table.Find(two.Pid(), "");
  EXPECT_EQ(table.OpenFiles(), open);
  ASSERT_FALSE(first->mappings.empty());
  EXPECT_EQ(first->mappings[0].file, second->mappings[0].file);
}

TEST_F(ProcessTableTest, ReadsAProcessAnewAfterItsExec) {
  std::string fifo = testing::TempDir() + "sonde_exec_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ChildForTest child({"/bin/sh", "-c", "read line < \"$0\"; exec sleep 100", fifo});
  ProcessTable table = Table();
  EXPECT_NE(table.Find(child.Pid(), "")->executable, "sleep");
  std::ofstream(fifo) << "go\n";
  std::string link = absl::StrCat("/proc/", child.Pid(), "/exe");
  for (int i = 0; i < 1'000 && std::filesystem::read_symlink(link).filename() != "sleep"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(table.Find(child.Pid(), "")->executable, "sleep");
  table.OnExec(child.Pid());
  EXPECT_EQ(table.Find(child.Pid(), "")->executable, "sleep");
  std::filesystem::remove(fifo);
}

TEST_F(ProcessTableTest, SeesNewMappingsOnRefreshButNotMoreOftenThanAllowed) {
  auto self = static_cast<uint32_t>(::getpid());
  ProcessTable table = Table();
  auto before = table.Find(self, "");
  ASSERT_EQ(MappingOf(*before, std::filesystem::canonical("/bin/ls")), nullptr);
  base::UniqueFd file(::open("/bin/ls", O_RDONLY | O_CLOEXEC));
  void* code = ::mmap(nullptr, 4'096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.Get(), 0);
  ASSERT_NE(code, MAP_FAILED);
  EXPECT_EQ(table.Refresh(self), before);
  now_ns_ += 5 * kSecondNs;
  auto after = table.Refresh(self);
  EXPECT_NE(MappingOf(*after, std::filesystem::canonical("/bin/ls")), nullptr);
  EXPECT_EQ(table.Find(self, ""), after);
  ::munmap(code, 4'096);
}

TEST_F(ProcessTableTest, NamesAProcessThatIsGoneByItsComm) {
  ProcessTable table = FakeTable();
  auto info = table.Find(5, "ghost");
  EXPECT_EQ(info->comm, "ghost");
  EXPECT_EQ(info->executable, "ghost");
  EXPECT_TRUE(info->mappings.empty());
  EXPECT_EQ(info->labels.at("service_name"), "ghost");
  EXPECT_EQ(Losses("process_gone"), 1U);
  EXPECT_EQ(table.Find(6, "")->comm, "[unknown]");
}

TEST_F(ProcessTableTest, TriesAProcessThatCouldNotBeReadAgainButNotAtOnce) {
  ProcessTable table = FakeTable();
  EXPECT_EQ(table.Find(5, "early")->executable, "early");
  proc_.AddProcess(5, "late", 100);
  now_ns_ += 99'000'000;
  EXPECT_EQ(table.Find(5, "early")->executable, "early");
  now_ns_ += 1'000'000;
  auto read = table.Find(5, "early");
  EXPECT_EQ(read->executable, "late");
  now_ns_ += kSecondNs;
  EXPECT_EQ(table.Find(5, "early"), read);
  EXPECT_EQ(Losses("process_gone"), 1U);
  // It is alive now: not thrown out as one that had ended.
  for (int window = 0; window < 3; ++window) table.Expire();
  EXPECT_EQ(table.Size(), 1U);
}

TEST_F(ProcessTableTest, CountsAProcessThatStaysUnreadOnce) {
  ProcessTable table = FakeTable();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(table.Find(5, "ghost")->executable, "ghost");
    now_ns_ += kSecondNs;
  }
  EXPECT_EQ(Losses("process_gone"), 1U);
  table.Expire();
  table.Expire();
  EXPECT_EQ(table.Size(), 0U);
}

TEST_F(ProcessTableTest, NoticesThatAPidWasGivenToAnotherProcess) {
  proc_.AddProcess(5, "first", 100);
  ProcessTable table = FakeTable();
  EXPECT_EQ(table.Find(5, "")->comm, "first");
  proc_.WriteStat(5, "second", 200);
  table.OnExit(5);
  EXPECT_EQ(table.Find(5, "")->comm, "second");
  proc_.WriteStat(5, "third", 300);
  table.Expire();
  EXPECT_EQ(table.Find(5, "")->comm, "third");
  // The new process is alive: no late end of the old one may throw it out.
  table.Expire();
  table.Expire();
  EXPECT_EQ(table.Size(), 1U);
}

TEST_F(ProcessTableTest, GivesUpEndedProcessesFirstWhenItIsFull) {
  for (uint32_t pid : {1, 2, 3, 4}) proc_.AddProcess(pid, absl::StrCat("p", pid), 100);
  ProcessTable table = FakeTable(2);
  table.Find(1, "");
  table.Find(2, "");
  table.OnExit(2);
  EXPECT_EQ(table.Find(3, "")->comm, "p3");
  EXPECT_EQ(table.Size(), 2U);
  EXPECT_EQ(table.Find(4, "hint")->comm, "hint");
  EXPECT_EQ(table.Size(), 2U);
  EXPECT_EQ(Losses("table_full"), 2U);
}

TEST_F(ProcessTableTest, ReadsNoMoreMapLinesThanAllowedAndCountsIt) {
  proc_.AddProcess(5, "x", 100);
  proc_.Write(5, "maps", "1000-2000 r-xp 0 00:00 0\n2000-3000 r-xp 0 00:00 0\nhostile\n3000-4000 r-xp 0 00:00 0\n");
  ProcessTableOptions options;
  options.proc_root = proc_.Root();
  options.max_map_lines = 3;
  ProcessTable table = Table(std::move(options));
  EXPECT_EQ(table.Find(5, "")->mappings.size(), 2U);
  EXPECT_EQ(Losses("maps_too_long"), 1U);
  EXPECT_EQ(Losses("maps_bad_line"), 1U);
}

TEST_F(ProcessTableTest, TellsKernelThreads) {
  proc_.AddProcess(5, "kworker/0:1-events", 100, 0x00208040);
  ProcessTable table = FakeTable();
  auto info = table.Find(5, "");
  EXPECT_TRUE(info->is_kernel_thread);
  EXPECT_EQ(info->comm, "kworker/0:1-events");
  EXPECT_EQ(info->executable, "kworker");
  EXPECT_EQ(info->labels.at("service_name"), "kernel");
  EXPECT_TRUE(info->mappings.empty());
}

TEST_F(ProcessTableTest, LabelsByControlGroup) {
  proc_.AddProcess(5, "nginx", 100);
  proc_.Write(5, "cgroup", "0::/system.slice/web.service\n");
  ProcessTableOptions options;
  options.proc_root = proc_.Root();
  options.node = "host1";
  auto info = Table(std::move(options)).Find(5, "");
  EXPECT_EQ(info->labels.at("service_name"), "web");
  EXPECT_EQ(info->labels.at("unit"), "web.service");
  EXPECT_EQ(info->labels.at("node"), "host1");
}

// Knows one pod, or none.
class OnePod : public model::PodDirectory {
 public:
  model::PodInfoPtr Find(const std::string& container_id, const std::string& pod_uid) const override {
    ++asked;
    return pod != nullptr && (pod->containers.contains(container_id) || pod->uid == pod_uid) ? pod : nullptr;
  }
  uint64_t Version() const override { return version; }

  void Set(model::PodInfoPtr now) {
    pod = std::move(now);
    ++version;
  }

  model::PodInfoPtr pod;
  uint64_t version = 0;
  mutable int asked = 0;
};

TEST_F(ProcessTableTest, LabelsByPodAsSoonAsThatIsKnownAndKeepsItWhenItIsGone) {
  const std::string id(64, 'a'), uid = "2b6b4c6e-1a2b-4c3d-9e8f-001122334455";
  proc_.AddProcess(5, "nginx", 100);
  proc_.Write(5, "cgroup", absl::StrCat("0::/kubepods/burstable/pod", uid, "/", id, "\n"));
  OnePod pods;
  ProcessTableOptions options;
  options.proc_root = proc_.Root();
  options.pods = &pods;
  ProcessTable table = Table(std::move(options));
  auto before = table.Find(5, "");
  EXPECT_EQ(before->labels.at("service_name"), std::string(12, 'a'));
  EXPECT_EQ(table.Find(5, ""), before);
  EXPECT_EQ(pods.asked, 1);

  model::PodInfo pod;
  pod.uid = uid;
  pod.name = "web-1";
  pod.workload = "web";
  pods.Set(std::make_shared<const model::PodInfo>(pod));
  auto named = table.Find(5, "");
  EXPECT_EQ(named->labels.at("pod"), "web-1");
  EXPECT_EQ(named->labels.at("service_name"), "web");
  pod.containers = {{id, "nginx"}};
  pods.Set(std::make_shared<const model::PodInfo>(pod));
  EXPECT_EQ(table.Find(5, "")->labels.at("container"), "nginx");

  pods.Set(nullptr);
  EXPECT_EQ(table.Find(5, "")->labels.at("container"), "nginx");
  now_ns_ += 5 * kSecondNs;
  EXPECT_EQ(table.Refresh(5)->labels.at("container"), "nginx");
}

TEST_F(ProcessTableTest, ReadsOnlyVariablesThatTheSettingsName) {
  proc_.AddProcess(5, "app", 100);
  proc_.Write(5, "environ", std::string("SECRET=x\0OTEL_SERVICE_NAME=web\0", 31));
  ProcessTableOptions options;
  options.proc_root = proc_.Root();
  options.labels.environment = {"OTEL_SERVICE_NAME"};
  options.labels.service_name = {{model::NameSource::From::kEnvironment, "OTEL_SERVICE_NAME"}};
  auto info = Table(options).Find(5, "");
  EXPECT_EQ(info->labels.at("service_name"), "web");
  EXPECT_EQ(info->meta, (profile::Labels{{"__meta_process_name", "app"}, {"__meta_env_var_OTEL_SERVICE_NAME", "web"}}));
  options.labels = {};
  EXPECT_EQ(Table(options).Find(5, "")->labels.at("service_name"), "app");
  EXPECT_EQ(Losses("environment_unreadable"), 0U);
}

}  // namespace
}  // namespace sonde::process
