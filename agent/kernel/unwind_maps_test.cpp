#include "agent/kernel/unwind_maps.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>

#include "agent/kernel/unwind_maps_for_test.h"

namespace sonde::kernel {
namespace {

class UnwindMapsTest : public UnwindMapsReader {
 protected:
  abi::unwind_row Row(uint32_t block, uint32_t index) const { return Block(block)->rows[index]; }
  static uint64_t ResidentBytes() {
    std::ifstream statm("/proc/self/statm");
    uint64_t all = 0, resident = 0;
    statm >> all >> resident;
    return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  }
};

TEST_F(UnwindMapsTest, HaveTheNamesAndShapesThatProgramsDeclare) {
  struct {
    const char* name;
    uint32_t value_bytes, entries;
  } expected[] = {{"unwind_arenas", 4, 128},    {"unwind_pages", 8, 65'536},     {"unwind_escapes", 16, 32'768},
                  {"unwind_files", 32, 16'384}, {"unwind_mappings", 24, 65'536}, {"unwind_processes", 8, 16'384}};
  for (const auto& map : expected) {
    bpf_map_info info{};
    uint32_t size = sizeof(info);
    ASSERT_EQ(bpf_obj_get_info_by_fd(maps_->Fd(map.name), &info, &size), 0) << map.name;
    EXPECT_EQ(info.name, std::string(map.name).substr(0, 15));
    EXPECT_EQ(info.key_size, 4U);
    EXPECT_EQ(info.value_size, map.value_bytes) << map.name;
    EXPECT_EQ(info.max_entries, map.entries) << map.name;
  }
  EXPECT_EQ(maps_->Fd("unwind_arena"), -1);
}

TEST_F(UnwindMapsTest, GrowByArenas) {
  EXPECT_EQ(maps_->WriteRows(0, 0, std::array<abi::unwind_row, 1>{}).code(), absl::StatusCode::kOutOfRange);
  const uint64_t before = maps_->Bytes();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(maps_->AddArena().ok());
  EXPECT_EQ(maps_->Arenas(), 3U);
  EXPECT_EQ(maps_->Bytes() - before, uint64_t{2} << 20);
  std::array<abi::unwind_row, 2> rows = {{{1, 2}, {3, 4}}};
  for (uint32_t block : {0U, 3U, 4U, 11U}) {
    rows[0].pc = static_cast<uint16_t>(block);
    ASSERT_TRUE(maps_->WriteRows(block, UNWIND_BLOCK_ROWS - 2, rows).ok());
  }
  for (uint32_t block : {0U, 3U, 4U, 11U}) {
    EXPECT_EQ(Row(block, UNWIND_BLOCK_ROWS - 2).pc, block);
    EXPECT_EQ(Row(block, UNWIND_BLOCK_ROWS - 1).rule, 4);
  }
  EXPECT_EQ(maps_->WriteRows(11, UNWIND_BLOCK_ROWS - 1, rows).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(maps_->WriteRows(12, 0, rows).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(UnwindMapsTest, GiveTheLastArenaBackAndTakeANewOne) {
  EXPECT_EQ(maps_->DropArena().code(), absl::StatusCode::kFailedPrecondition);
  const std::array<abi::unwind_row, 1> rows = {{{1, 2}}};
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(maps_->AddArena().ok());
  ASSERT_TRUE(maps_->WriteRows(UNWIND_BLOCKS_PER_ARENA, 0, rows).ok());
  const uint64_t before = maps_->Bytes();
  ASSERT_TRUE(maps_->DropArena().ok());
  EXPECT_EQ(maps_->Arenas(), 1U);
  EXPECT_EQ(before - maps_->Bytes(), uint64_t{1} << 20);
  uint32_t second = 1, id = 0;
  EXPECT_NE(bpf_map_lookup_elem(maps_->Fd("unwind_arenas"), &second, &id), 0) << "walks still find it";
  EXPECT_EQ(maps_->WriteRows(UNWIND_BLOCKS_PER_ARENA, 0, rows).code(), absl::StatusCode::kOutOfRange);
  ASSERT_TRUE(maps_->AddArena().ok());
  EXPECT_EQ(Row(UNWIND_BLOCKS_PER_ARENA, 0).rule, 0);
}

TEST_F(UnwindMapsTest, HoldNoMoreArenasThanTheWalkerKnows) {
  for (int i = 0; i < UNWIND_ARENAS; ++i) ASSERT_TRUE(maps_->AddArena().ok());
  EXPECT_EQ(maps_->AddArena().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(UnwindMapsTest, TakeElementsAtAnyPlaceAndNoneBeyondTheEnd) {
  const std::vector<abi::unwind_page> pages = {{7, 8, 9}, {10, 11, 12}};
  for (uint32_t first : {0U, 511U, uint32_t{UNWIND_PAGES - 2}}) {
    ASSERT_TRUE(maps_->WritePages(first, pages).ok());
    EXPECT_EQ(Element<abi::unwind_page>("unwind_pages", first).block, 7U);
    EXPECT_EQ(Element<abi::unwind_page>("unwind_pages", first + 1).rows, 12);
  }
  EXPECT_EQ(maps_->WritePages(UNWIND_PAGES - 1, pages).code(), absl::StatusCode::kOutOfRange);

  const std::vector<abi::unwind_mapping> mappings = {{0x1000, 5, 6, 7}, {0x2000, 8, 9, 10}};
  for (uint32_t first : {0U, 169U, 170U, uint32_t{UNWIND_MAPPINGS - 2}}) {  // across pages: 24 does not divide 4,096
    ASSERT_TRUE(maps_->WriteMappings(first, mappings).ok());
    EXPECT_EQ(Element<abi::unwind_mapping>("unwind_mappings", first).start, 0x1000U);
    EXPECT_EQ(Element<abi::unwind_mapping>("unwind_mappings", first + 1).file, 10U);
  }
  abi::unwind_escape escape{};
  escape.cfa_offset = -77;
  ASSERT_TRUE(maps_->WriteEscapes(UNWIND_ESCAPES - 1, {&escape, 1}).ok());
  EXPECT_EQ(Element<abi::unwind_escape>("unwind_escapes", UNWIND_ESCAPES - 1).cfa_offset, -77);
  EXPECT_TRUE(maps_->WriteEscapes(UNWIND_ESCAPES, {}).ok());
}

TEST_F(UnwindMapsTest, LeaveAFilesUsesToTheKernelSide) {
  abi::unwind_file in_kernel{};
  in_kernel.uses = 41;
  uint32_t id = 300;
  ASSERT_EQ(bpf_map_update_elem(maps_->Fd("unwind_files"), &id, &in_kernel, BPF_ANY), 0);
  abi::unwind_file file{.state = abi::UNWIND_FILE_READY,
                        .first_page = 1,
                        .pages = 2,
                        .first_escape = 3,
                        .base_page = 4,
                        .version = 0,
                        .escapes = 5,
                        .uses = 6};
  ASSERT_TRUE(maps_->WriteFile(id, file).ok());
  auto seen = Element<abi::unwind_file>("unwind_files", id);
  EXPECT_EQ(seen.state, uint32_t{abi::UNWIND_FILE_READY});
  EXPECT_EQ(seen.first_page, 1U);
  EXPECT_EQ(seen.pages, 2U);
  EXPECT_EQ(seen.first_escape, 3U);
  EXPECT_EQ(seen.base_page, 4U);
  EXPECT_EQ(seen.escapes, 5U);
  EXPECT_EQ(seen.uses, 41U);
  std::vector<uint32_t> uses(301);
  ASSERT_TRUE(maps_->ReadFileUses(uses).ok());
  EXPECT_EQ(uses[300], 41U);
  EXPECT_EQ(uses[299], 0U);
  EXPECT_EQ(maps_->WriteFile(UNWIND_FILES, file).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(UnwindMapsTest, GiveEachTableOfAFileAnotherVersion) {
  abi::unwind_file file{};
  file.state = abi::UNWIND_FILE_READY;
  std::set<uint32_t> versions = {Element<abi::unwind_file>("unwind_files", 300).version};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(maps_->WriteFile(300, file).ok());
    EXPECT_TRUE(versions.insert(Element<abi::unwind_file>("unwind_files", 300).version).second);
  }
  ASSERT_TRUE(maps_->MovePages(300, 5).ok());
  EXPECT_TRUE(versions.contains(Element<abi::unwind_file>("unwind_files", 300).version)) << "the same rows, elsewhere";
}

TEST_F(UnwindMapsTest, SayWhenThereAreTooManyProcesses) {
  for (uint32_t tgid = 1; tgid <= UNWIND_PROCESSES; ++tgid) ASSERT_TRUE(maps_->SetProcess(tgid, {tgid, 2}).ok());
  EXPECT_EQ(maps_->SetProcess(UNWIND_PROCESSES + 1, {}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Element<abi::unwind_process>("unwind_processes", 9).first_mapping, 9U);
  EXPECT_TRUE(maps_->SetProcess(9, {10, 11}).ok());
  EXPECT_EQ(Element<abi::unwind_process>("unwind_processes", 9).first_mapping, 10U);
  EXPECT_TRUE(maps_->EraseProcess(9).ok());
  EXPECT_TRUE(maps_->EraseProcess(9).ok());
  EXPECT_TRUE(maps_->SetProcess(UNWIND_PROCESSES + 1, {}).ok());
}

TEST_F(UnwindMapsTest, StayOutOfTheAgentsMemory) {
  ASSERT_TRUE(maps_->AddArena().ok());
  std::vector<abi::unwind_row> block(UNWIND_BLOCK_ROWS);
  const uint64_t before = ResidentBytes();
  for (uint32_t i = 0; i < UNWIND_BLOCKS_PER_ARENA; ++i) ASSERT_TRUE(maps_->WriteRows(i, 0, block).ok());
  EXPECT_LT(ResidentBytes(), before + (uint64_t{512} << 10));
}

}  // namespace
}  // namespace sonde::kernel
