#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sonde::process {

// A real process, ended and reaped at the latest with this object.
class ChildForTest {
 public:
  // Starts a program that will wait for something, and returns when it does: right after the start its libraries are
  // not mapped yet.
  explicit ChildForTest(std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (::posix_spawn(&pid_, argv[0], nullptr, nullptr, argv.data(), environ) != 0) pid_ = -1;
    for (int i = 0; i < 1'000 && IsRunning() && !IsWaiting(); ++i) ::usleep(10'000);
  }
  // Takes over a process that was forked already.
  explicit ChildForTest(pid_t pid) : pid_(pid) {}
  ~ChildForTest() { End(); }
  ChildForTest(const ChildForTest&) = delete;
  ChildForTest& operator=(const ChildForTest&) = delete;

  uint32_t Pid() const { return static_cast<uint32_t>(pid_); }
  bool IsRunning() const { return pid_ > 0; }

  void End() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  bool IsWaiting() const {
    std::ifstream stat("/proc/" + std::to_string(pid_) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    return text.find(") S ") != std::string::npos;
  }

  pid_t pid_ = -1;
};

}  // namespace sonde::process
