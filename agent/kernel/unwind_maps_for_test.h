#pragma once

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "agent/kernel/unwind_maps.h"
#include "base/unique_fd.h"
#include "bpf/abi/unwind.h"

namespace sonde::kernel {

// Real maps, read as the kernel side reads them.
class UnwindMapsReader : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "making BPF maps needs root";
    auto maps = UnwindMaps::Create();
    ASSERT_TRUE(maps.ok()) << maps.status();
    maps_ = *std::move(maps);
  }

  template <typename T>
  T Element(const char* map, uint32_t key) const {
    T value{};
    EXPECT_EQ(bpf_map_lookup_elem(maps_->Fd(map), &key, &value), 0) << map << " " << key;
    return value;
  }
  abi::unwind_file File(uint16_t id) const { return Element<abi::unwind_file>("unwind_files", id); }
  std::optional<abi::unwind_process> Process(uint32_t tgid) const {
    abi::unwind_process process{};
    if (bpf_map_lookup_elem(maps_->Fd("unwind_processes"), &tgid, &process) != 0) return std::nullopt;
    return process;
  }
  std::vector<abi::unwind_mapping> Mappings(const abi::unwind_process& slab) const {
    std::vector<abi::unwind_mapping> list;
    for (uint32_t i = 0; i < slab.mappings; ++i) {
      list.push_back(Element<abi::unwind_mapping>("unwind_mappings", slab.first_mapping + i));
    }
    return list;
  }
  std::unique_ptr<abi::unwind_block> Block(uint32_t number) const {
    auto arena_id = Element<uint32_t>("unwind_arenas", number / UNWIND_BLOCKS_PER_ARENA);
    base::UniqueFd arena(bpf_map_get_fd_by_id(arena_id));
    auto block = std::make_unique<abi::unwind_block>();
    uint32_t key = number % UNWIND_BLOCKS_PER_ARENA;
    EXPECT_EQ(bpf_map_lookup_elem(arena.Get(), &key, block.get()), 0);
    return block;
  }
  std::vector<abi::unwind_row> Rows(const abi::unwind_page& page) const {
    if (page.rows == 0) return {};
    auto block = Block(page.block);
    EXPECT_LE(page.first + page.rows, UNWIND_BLOCK_ROWS);
    return {block->rows + page.first, block->rows + page.first + page.rows};
  }
  // The rule that a walk would find for this offset; empty when there is none.
  std::optional<uint16_t> RuleAt(uint16_t id, uint64_t file_offset) const {
    abi::unwind_file file = File(id);
    const uint64_t index = (file_offset >> UNWIND_PAGE_SHIFT) - file.base_page;
    if (file.state != abi::UNWIND_FILE_READY || index >= file.pages) return std::nullopt;
    auto page = Element<abi::unwind_page>("unwind_pages", file.first_page + static_cast<uint32_t>(index));
    std::vector<abi::unwind_row> rows = Rows(page);
    if (rows.empty()) return std::nullopt;
    const auto pc = static_cast<uint16_t>(file_offset % UNWIND_PAGE_BYTES);
    auto after = std::ranges::upper_bound(rows, pc, {}, &abi::unwind_row::pc);
    return after == rows.begin() ? std::nullopt : std::optional<uint16_t>(std::prev(after)->rule);
  }
  // As a walk would.
  void Use(uint16_t id) const {
    abi::unwind_file file = File(id);
    ++file.uses;
    uint32_t key = id;
    EXPECT_EQ(bpf_map_update_elem(maps_->Fd("unwind_files"), &key, &file, BPF_ANY), 0);
  }

  std::unique_ptr<UnwindMaps> maps_;
};

}  // namespace sonde::kernel
