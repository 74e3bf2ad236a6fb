#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/worker/kept_worker.h"

namespace sonde::worker {

// Sends the worker a signal, once it runs.
inline void Signal(KeptWorker* worker, int number) {
  ASSERT_TRUE(worker->Begin().ok()) << worker->Facts().trouble;
  const pid_t pid = worker->Facts().pid;
  ASSERT_GT(pid, 0);
  ::kill(pid, number);
}

// A program in place of the worker, as a compromised one might be: greets well, then runs `deeds` (Python) with `s`,
// the socket. Exists as long as this object.
class FalseWorker {
 public:
  explicit FalseWorker(const std::string& deeds)
      : path_(absl::StrCat(testing::TempDir(), "false_worker_", ::getpid(), "_", ++count_)) {
    std::ofstream(path_) << "#!/usr/bin/python3 -I\n"
                            "import os, socket, struct, time\n"
                            "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, 3)\n"
                            "s.send(struct.pack('<IBBBB', 0x736f0004, 1, 1, 1, 1))\n"
                         << deeds << "\n";
    std::filesystem::permissions(path_, std::filesystem::perms(0755));
  }
  ~FalseWorker() { std::filesystem::remove(path_); }
  const std::string& Path() const { return path_; }

 private:
  static inline int count_ = 0;
  const std::string path_;
};

}  // namespace sonde::worker
