#include "agent/worker/extract_worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/elf/extract_plan.h"
#include "agent/worker/false_worker_for_test.h"

namespace sonde::worker {
namespace {

// Something that tells names: this program.
class OwnFile {
 public:
  OwnFile() : fd_(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)) {
    struct stat info {};
    EXPECT_EQ(::fstat(fd_.Get(), &info), 0);
    size_bytes_ = static_cast<uint64_t>(info.st_size);
  }
  elf::ByteSource Source() const { return {fd_.Get(), size_bytes_}; }
  absl::StatusOr<FileExtract> Asked(ExtractWorker* worker) const {
    return worker->Ask(fd_.Get(), size_bytes_, /*is_debug_file=*/false);
  }

 private:
  const base::UniqueFd fd_;
  uint64_t size_bytes_ = 0;
};

KeptWorker::Options ExtractOptions(const std::string& program = WorkerProgram()) {
  KeptWorker::Options options;
  options.program = program;
  options.patience = absl::Minutes(1);  // of what answers at once, on whatever machine
  return options;
}

TEST(ExtractWorker, SaysWhatTheParserSays) {
  const OwnFile own;
  ExtractWorker worker(ExtractOptions());
  auto extract = own.Asked(&worker);
  ASSERT_TRUE(extract.ok()) << extract.status();
  const auto file = elf::ElfFile::Open(own.Source());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(extract->build_id, file->BuildId());
  const auto truth = elf::PlanExtract(*file);
  ASSERT_TRUE(truth.ok() && extract->plan.ok()) << truth.status() << extract->plan.status();
  EXPECT_TRUE(extract->plan->headers == truth->headers);
  ASSERT_EQ(extract->plan->pieces.size(), truth->pieces.size());
  for (size_t i = 0; i < truth->pieces.size(); ++i) {
    EXPECT_EQ(extract->plan->pieces[i].offset, truth->pieces[i].offset);
    EXPECT_EQ(extract->plan->pieces[i].size, truth->pieces[i].size);
    EXPECT_EQ(extract->plan->pieces[i].from, truth->pieces[i].from);
  }
  EXPECT_TRUE(elf::DebugExtract::Of(*std::move(extract->plan), own.Source()).ok());
}

TEST(ExtractWorker, HasNothingOfWhatIsNoElfFile) {
  ExtractWorker worker(ExtractOptions());
  const base::UniqueFd text(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  const auto extract = worker.Ask(text.Get(), 100, /*is_debug_file=*/false);
  ASSERT_TRUE(extract.ok()) << extract.status();
  EXPECT_EQ(extract->build_id, "");
  EXPECT_FALSE(extract->plan.ok());
}

TEST(ExtractWorker, BelievesNoNonsense) {
  const OwnFile own;
  const std::string head = "struct.pack('<IQIIIIII', 0x736f0007, 1, 0, 0, 0, 0, 64, 0)";
  const std::string part = "struct.pack('<IQ', 0x736f0008, 1)";
  const std::string lies[] = {
      "s.send(b'x')",
      "s.send(struct.pack('<IQIIIIII', 0x736f0007, 2, 0, 0, 0, 0, 0, 0))",           // to another question
      "s.send(struct.pack('<IQIIIIII', 0x736f0007, 1, 0, 0, 0, 0, 4000000000, 0))",  // more than any file has
      "s.send(" + head + "); s.send(" + part + ")",                                  // bytes of nothing
      "s.send(" + head + "); s.send(" + part + " + b'x' * 65)",                      // more than it said
      "s.send(" + head + "); s.send(struct.pack('<IQ', 0x736f0008, 9) + b'x' * 64)",
  };
  for (const std::string& lie : lies) {
    const FalseWorker program("s.recv(65536); " + lie + "; time.sleep(100)");
    ExtractWorker worker(ExtractOptions(program.Path()));
    EXPECT_TRUE(absl::IsAborted(own.Asked(&worker).status())) << lie;
    EXPECT_EQ(worker.Facts().lies, 1U) << lie;
  }
}

TEST(ExtractWorker, TakesNoWordsThatWouldDoSomethingElsewhere) {
  const OwnFile own;
  const FalseWorker program(
      "s.recv(65536); s.send(struct.pack('<IQIII7sI3sII', 0x736f0007, 1, 1, 0, 7, b'../../x', 3, b'a\\x1bb', 0, 0))\n"
      "time.sleep(100)");
  ExtractWorker worker(ExtractOptions(program.Path()));
  const auto extract = own.Asked(&worker);
  ASSERT_TRUE(extract.ok()) << extract.status();
  EXPECT_EQ(extract->build_id, "") << "it is no hexadecimal number";
  EXPECT_EQ(extract->debug_link, "a?b");
}

TEST(ExtractWorker, GivesUpWhenItIsInterrupted) {
  const OwnFile own;
  ExtractWorker worker(ExtractOptions());
  Signal(&worker, SIGSTOP);
  worker.Interrupt();
  EXPECT_TRUE(absl::IsCancelled(own.Asked(&worker).status()));
  EXPECT_TRUE(absl::IsCancelled(own.Asked(&worker).status())) << "it is not started again";
  EXPECT_EQ(worker.Facts().starts, 1U);
}

}  // namespace
}  // namespace sonde::worker
