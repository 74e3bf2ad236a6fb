#include "agent/symbolize/name_worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "agent/worker/false_worker_for_test.h"
#include "base/read_file.h"

namespace sonde::symbolize {
namespace {

using worker::FalseWorker;
using worker::Signal;
using worker::WorkerProgram;

constexpr absl::Duration kLong = absl::Minutes(1);  // of what answers at once, on whatever machine

absl::StatusOr<names::FileReply> OpenSelf(NameWorker* worker, uint64_t key = 1) {
  static const base::UniqueFd self(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  names::Request request;
  request.key = key;
  request.size_bytes = std::filesystem::file_size("/proc/self/exe");
  return worker->AskOfFile(request, self.Get());
}

NameWorker::Options OptionsFor(const std::string& program, absl::Duration patience = kLong) {
  NameWorker::Options options;
  options.program = program;
  options.patience = patience;
  return options;
}

std::string StatusLine(pid_t pid, const std::string& name) {
  const auto text = base::ReadFile(absl::StrCat("/proc/", pid, "/status"), 65'536);
  if (!text.ok()) return std::string(text.status().message());
  const size_t at = text->find("\n" + name + ":\t");
  return at == std::string::npos ? ""
                                 : text->substr(at + name.size() + 3, text->find('\n', at + 1) - at - name.size() - 3);
}

TEST(NameWorker, ItsProcessHasNoRightsAndNoDescriptorsButItsOwn) {
  NameWorker worker({.patience = kLong});
  ASSERT_TRUE(worker.Begin().ok()) << worker.Facts().trouble;
  const pid_t pid = worker.Facts().pid;
  EXPECT_EQ(StatusLine(pid, "NoNewPrivs"), "1");
  EXPECT_EQ(StatusLine(pid, "Seccomp"), "2");
  for (const char* set : {"CapPrm", "CapEff", "CapAmb"}) EXPECT_EQ(StatusLine(pid, set), "0000000000000000") << set;
  const auto score = base::ReadFile(absl::StrCat("/proc/", pid, "/oom_score_adj"), 4'096);
  ASSERT_TRUE(score.ok());
  EXPECT_EQ(*score, "1000\n");
  if (::geteuid() != 0) GTEST_SKIP() << "root alone sees the descriptors of a process that gave up so much";
  size_t descriptors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/fd"))) {
    EXPECT_LE(std::stoi(entry.path().filename()), 3) << entry.path();
    ++descriptors;
  }
  EXPECT_EQ(descriptors, 4U);
}

TEST(NameWorker, AnswersAndIsAskedAnewWhenItWasEnded) {
  NameWorker worker({.patience = kLong});
  const auto reply = OpenSelf(&worker);
  ASSERT_TRUE(reply.ok()) << reply.status();
  const uint64_t offset = reply->segments.at(0).file_offset;
  const uint64_t first = worker.Generation();
  ASSERT_TRUE(worker.Resolve(1, std::vector<uint64_t>(10'000, offset)).ok()) << "more than one request takes";
  Signal(&worker, SIGKILL);
  // Lost while it was asked, if the signal took so long.
  absl::Status status = worker.Resolve(1, {&offset, 1}).status();
  if (absl::IsAborted(status)) status = worker.Resolve(1, {&offset, 1}).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << "the new one has nothing open";
  EXPECT_EQ(worker.Facts().deaths, 1U);
  EXPECT_GT(worker.Generation(), first);
  EXPECT_TRUE(OpenSelf(&worker).ok());
  EXPECT_TRUE(worker.Resolve(1, {&offset, 1}).ok());
}

TEST(NameWorker, EndsAProcessThatHangs) {
  NameWorker worker(OptionsFor(WorkerProgram(), absl::Milliseconds(300)));
  ASSERT_TRUE(worker.Begin().ok());
  const pid_t pid = worker.Facts().pid;
  Signal(&worker, SIGSTOP);
  EXPECT_TRUE(absl::IsAborted(OpenSelf(&worker).status()));
  EXPECT_EQ(worker.Facts().hangs, 1U);
  EXPECT_NE(::kill(pid, 0), 0) << "it is gone, and not left to be waited for";
  EXPECT_TRUE(worker.Begin().ok());
}

TEST(NameWorker, BelievesNoNonsense) {
  const std::string places = "struct.pack('<IQBBI', 0x736f0003, 1, 1, 0, 0)";
  const std::string lies[] = {
      "s.recv(65536); s.send(b'x')",
      "s.recv(65536); s.send(" + places + " + struct.pack('<I', 4096))",  // places that do not follow
      "s.recv(65536); s.send(" + places + " + struct.pack('<II', 1, 4000000000))",
      "s.recv(65536); s.send(" + places + " + struct.pack('<I', 0))",                          // fewer than asked
      "s.recv(65536); s.send(" + places + " + struct.pack('<III', 2, 0, 0))",                  // more than asked
      "s.recv(65536); s.send(struct.pack('<IQBBII', 0x736f0003, 99, 1, 0, 0, 0))",             // to another question
      "s.recv(65536)\nwhile True: s.send(struct.pack('<IQBBII', 0x736f0003, 1, 0, 0, 0, 0))",  // without an end
      "s.recv(65536); s.send(b'x' * 65537)",
  };
  for (const std::string& lie : lies) {
    const FalseWorker program(lie + "; time.sleep(100)");
    NameWorker worker(OptionsFor(program.Path()));
    const uint64_t offset = 1;
    EXPECT_TRUE(absl::IsAborted(worker.Resolve(1, {&offset, 1}).status())) << lie;
    EXPECT_EQ(worker.Facts().lies, 1U) << lie;
  }
}

TEST(NameWorker, BelievesInNoEndlessListOfMissingFiles) {
  const FalseWorker program("s.recv(65536)\nwhile True: s.send(struct.pack('<IQBIIIQ', 0x736f0005, 1, 0, 1, 0, 0, 7))");
  NameWorker worker(OptionsFor(program.Path()));
  EXPECT_TRUE(absl::IsAborted(worker.TakeMissing(1).status()));
  EXPECT_EQ(worker.Facts().lies, 1U);
}

TEST(NameWorker, SaysWhyThereIsNone) {
  NameWorker none(OptionsFor(""));
  EXPECT_TRUE(absl::IsUnavailable(none.Begin()));
  EXPECT_NE(none.Facts().trouble.find("install"), std::string::npos);
  NameWorker wrong(OptionsFor("/nowhere/sonde-symbolizer"));
  EXPECT_TRUE(absl::IsUnavailable(wrong.Begin()));
  EXPECT_NE(wrong.Facts().trouble.find("/nowhere"), std::string::npos);
}

TEST(NameWorker, RestsWhenItIsLostAgainAndAgain) {
  uint64_t now_ns = 1;
  const FalseWorker program("s.recv(65536)");  // and ends
  NameWorker::Options options = OptionsFor(program.Path());
  options.now_ns = [&now_ns] { return now_ns; };
  NameWorker worker(options);
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(absl::IsAborted(OpenSelf(&worker).status()));
  EXPECT_TRUE(absl::IsUnavailable(OpenSelf(&worker).status()));
  EXPECT_EQ(worker.Facts().starts, 6U);
  EXPECT_NE(worker.Facts().trouble, "");
  now_ns += 60'000'000'000;
  EXPECT_TRUE(absl::IsAborted(OpenSelf(&worker).status())) << "it was asked again";
}

TEST(NameWorker, MayBeKilledAtAnyMoment) {
  uint64_t now_ns = 1;
  NameWorker::Options options = OptionsFor(WorkerProgram());
  options.now_ns = [&now_ns] { return now_ns += 60'000'000'000; };  // so that it never rests
  NameWorker worker(options);
  const auto reply = OpenSelf(&worker);
  ASSERT_TRUE(reply.ok()) << reply.status();
  std::vector<uint64_t> offsets;
  const elf::LoadSegment text = reply->segments.at(0);
  for (uint64_t at = 0; at < text.file_size && offsets.size() < 3'000; at += 64)
    offsets.push_back(text.file_offset + at);
  const auto truth = worker.Resolve(1, offsets);
  ASSERT_TRUE(truth.ok()) << truth.status();

  std::atomic<bool> is_over = false;
  std::thread killer([&worker, &is_over] {
    for (unsigned pause_us = 100; !is_over; pause_us = pause_us * 17 % 150'001) {
      std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
      if (const pid_t pid = worker.Facts().pid; pid > 0) ::kill(pid, pause_us % 3 == 0 ? SIGSEGV : SIGKILL);
    }
  });
  int whole = 0, lost = 0;
  for (int turn = 0; turn < 200 && lost < 20; ++turn) {
    if (auto opened = OpenSelf(&worker); !opened.ok()) {
      ++lost;
      continue;
    }
    const auto places = worker.Resolve(1, offsets);
    if (!places.ok()) {
      ++lost;
      continue;
    }
    EXPECT_EQ(places->places, truth->places);
    ++whole;
  }
  is_over = true;
  killer.join();
  std::printf("%d times whole, %d times lost\n", whole, lost);
  EXPECT_GT(lost, 0);
  OpenSelf(&worker).IgnoreError();  // what was killed last
  EXPECT_TRUE(OpenSelf(&worker).ok());
  EXPECT_EQ(worker.Resolve(1, offsets)->places, truth->places);
}

}  // namespace
}  // namespace sonde::symbolize
