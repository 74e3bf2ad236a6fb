#include "agent/kernel/process_record.h"

#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/sysmacros.h>

#include <cstring>
#include <string>
#include <vector>

namespace sonde::kernel {
namespace {

using model::ExecEvent;
using model::ExitEvent;
using model::ForkEvent;
using model::LostEvent;
using model::MappingEvent;

// A record as the kernel would write it.
class Record {
 public:
  Record(uint32_t type, uint16_t misc) : type_(type), misc_(misc) {}
  template <typename T>
  Record& Add(T value) {
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    body_.insert(body_.end(), bytes, bytes + sizeof(value));
    return *this;
  }
  Record& Text(const std::string& text) {
    for (char c : text) Add(c);
    do Add('\0');
    while (body_.size() % 8 != 0);
    return *this;
  }
  std::vector<std::byte> Bytes(uint64_t time_ns = 5) const {
    Record whole(0, 0);
    auto size = static_cast<uint16_t>(sizeof(perf_event_header) + body_.size() + 16);
    whole.Add(perf_event_header{type_, misc_, size});
    whole.body_.insert(whole.body_.end(), body_.begin(), body_.end());
    whole.Add(uint32_t{1}).Add(uint32_t{2}).Add(time_ns);
    return whole.body_;
  }

 private:
  uint32_t type_;
  uint16_t misc_;
  std::vector<std::byte> body_;
};

Record MappingOf(const std::string& path, uint16_t misc = 0, uint64_t length = 0x2000) {
  Record record(PERF_RECORD_MMAP2, misc);
  record.Add(uint32_t{10}).Add(uint32_t{11}).Add(uint64_t{0x1000}).Add(length).Add(uint64_t{0x3000});
  record.Add(uint32_t{8}).Add(uint32_t{1}).Add(uint64_t{77}).Add(uint64_t{78}).Add(uint32_t{5}).Add(uint32_t{2});
  return record.Text(path);
}

TEST(ProcessRecord, ReadsAMapping) {
  ProcessRecord parsed = ParseProcessRecord(MappingOf("/usr/lib/x.so").Bytes(9));
  ASSERT_EQ(parsed.verdict, ProcessRecord::kEvent);
  EXPECT_EQ(parsed.event.time_ns, 9U);
  const auto& mapping = std::get<MappingEvent>(parsed.event.what);
  EXPECT_EQ(mapping.tgid, 10U);
  EXPECT_EQ(mapping.tid, 11U);
  EXPECT_EQ(mapping.start, 0x1000U);
  EXPECT_EQ(mapping.length, 0x2000U);
  EXPECT_EQ(mapping.file_offset, 0x3000U);
  EXPECT_EQ(mapping.device, makedev(8, 1));
  EXPECT_EQ(mapping.inode, 77U);
  EXPECT_EQ(mapping.generation, 78U);
  EXPECT_EQ(mapping.protection, 5U);
  EXPECT_EQ(mapping.flags, 2U);
  EXPECT_EQ(mapping.path, "/usr/lib/x.so");
}

TEST(ProcessRecord, DropsWhatTheKernelAddsToDeletedNames) {
  ProcessRecord parsed = ParseProcessRecord(MappingOf("/memfd:doublemapper (deleted)").Bytes());
  EXPECT_EQ(std::get<MappingEvent>(parsed.event.what).path, "/memfd:doublemapper");
}

TEST(ProcessRecord, ReadsExecForkExitAndLoss) {
  Record exec(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
  auto parsed = ParseProcessRecord(exec.Add(uint32_t{10}).Add(uint32_t{10}).Text("sh").Bytes());
  EXPECT_EQ(std::get<ExecEvent>(parsed.event.what).comm, "sh");

  Record fork(PERF_RECORD_FORK, 0);
  fork.Add(uint32_t{10}).Add(uint32_t{11}).Add(uint32_t{12}).Add(uint32_t{13}).Add(uint64_t{3});
  parsed = ParseProcessRecord(fork.Bytes());
  const auto& forked = std::get<ForkEvent>(parsed.event.what);
  EXPECT_EQ(forked.tgid, 10U);
  EXPECT_EQ(forked.parent_tgid, 11U);
  EXPECT_EQ(forked.tid, 12U);
  EXPECT_EQ(forked.parent_tid, 13U);

  Record exit(PERF_RECORD_EXIT, 0);
  exit.Add(uint32_t{10}).Add(uint32_t{11}).Add(uint32_t{12}).Add(uint32_t{13}).Add(uint64_t{3});
  parsed = ParseProcessRecord(exit.Bytes());
  EXPECT_EQ(std::get<ExitEvent>(parsed.event.what).tgid, 10U);
  EXPECT_EQ(std::get<ExitEvent>(parsed.event.what).tid, 12U);

  parsed = ParseProcessRecord(Record(PERF_RECORD_LOST, 0).Add(uint64_t{1}).Add(uint64_t{44}).Bytes());
  EXPECT_EQ(std::get<LostEvent>(parsed.event.what).count, 44U);
}

TEST(ProcessRecord, IsNotInterestedInNamesSetByThreadsNorInUnknownKinds) {
  Record named(PERF_RECORD_COMM, 0);
  EXPECT_EQ(ParseProcessRecord(named.Add(uint32_t{1}).Add(uint32_t{1}).Text("x").Bytes()).verdict,
            ProcessRecord::kOfNoInterest);
  EXPECT_EQ(ParseProcessRecord(Record(PERF_RECORD_KSYMBOL, 0).Bytes()).verdict, ProcessRecord::kOfNoInterest);
}

TEST(ProcessRecord, IsNotInterestedInProcessesThatAreNotInThePidNamespace) {
  for (uint32_t pid : {uint32_t{0}, ~uint32_t{0}}) {
    Record exit(PERF_RECORD_EXIT, 0);
    exit.Add(pid).Add(uint32_t{11}).Add(pid).Add(uint32_t{13}).Add(uint64_t{3});
    EXPECT_EQ(ParseProcessRecord(exit.Bytes()).verdict, ProcessRecord::kOfNoInterest);
  }
}

TEST(ProcessRecord, RefusesMappingsOfNoLengthOrThatWrapAndForeignLayouts) {
  EXPECT_EQ(ParseProcessRecord(MappingOf("/x", 0, 0).Bytes()).verdict, ProcessRecord::kMalformed);
  EXPECT_EQ(ParseProcessRecord(MappingOf("/x", 0, ~uint64_t{0}).Bytes()).verdict, ProcessRecord::kMalformed);
  EXPECT_EQ(ParseProcessRecord(MappingOf("/x", 1 << 14).Bytes()).verdict, ProcessRecord::kMalformed);
}

TEST(ProcessRecord, SurvivesEveryCut) {
  std::vector<std::byte> whole = MappingOf("/usr/lib/x.so").Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_NE(ParseProcessRecord(cut).verdict, ProcessRecord::kOfNoInterest) << size;
  }
  std::vector<std::byte> without_end(whole.begin(), whole.begin() + 72 + 16);
  EXPECT_EQ(ParseProcessRecord(without_end).verdict, ProcessRecord::kMalformed);
}

}  // namespace
}  // namespace sonde::kernel
