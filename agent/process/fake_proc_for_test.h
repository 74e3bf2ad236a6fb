#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace sonde::process {

// A folder in the shape of /proc, for what real processes cannot be made to show. Removed at the end.
class FakeProcForTest {
 public:
  FakeProcForTest()
      : root_(testing::TempDir() + "sonde_proc_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
              std::to_string(::getpid())) {
    std::filesystem::create_directories(root_);
  }
  ~FakeProcForTest() { std::filesystem::remove_all(root_); }
  FakeProcForTest(const FakeProcForTest&) = delete;
  FakeProcForTest& operator=(const FakeProcForTest&) = delete;

  std::string Root() const { return root_.string(); }
  std::filesystem::path Of(uint32_t pid) const { return root_ / std::to_string(pid); }

  void AddProcess(uint32_t pid, const std::string& comm, uint64_t start_ticks, uint64_t flags = 0) const {
    std::filesystem::create_directories(Of(pid) / "map_files");
    WriteStat(pid, comm, start_ticks, flags);
    Write(pid, "cgroup", "0::/\n");
    Write(pid, "maps", "");
  }
  // Replaces the file at once, as the kernel would give one text or the other.
  void WriteStat(uint32_t pid, const std::string& comm, uint64_t start_ticks, uint64_t flags = 0) const {
    Write(pid, "stat.new",
          absl::StrCat(pid, " (", comm, ") S 1 1 1 0 -1 ", flags, " 0 0 0 0 0 0 0 0 20 0 1 0 ", start_ticks,
                       " 1000 100\n"));
    std::filesystem::rename(Of(pid) / "stat.new", Of(pid) / "stat");
  }
  void Write(uint32_t pid, const std::string& name, const std::string& text) const {
    std::ofstream(Of(pid) / name) << text;
  }
  void RemoveProcess(uint32_t pid) const { std::filesystem::remove_all(Of(pid)); }

 private:
  std::filesystem::path root_;
};

}  // namespace sonde::process
