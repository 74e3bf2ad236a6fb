#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "agent/kernel/block_programs.h"
#include "agent/kernel/cpu_programs.h"
#include "agent/kernel/fault_programs.h"
#include "agent/kernel/net_programs.h"
#include "agent/kernel/sched_programs.h"

namespace sonde::bpf_kernel {
namespace {

// Ids of the maps that the loaded programs of `object` use, as the kernel tells.
std::set<uint32_t> MapIds(const bpf_object* object) {
  std::set<uint32_t> ids;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (bpf_program__fd(program) < 0) continue;  // not for this kernel
    std::vector<uint32_t> used(64);
    bpf_prog_info info{};
    info.nr_map_ids = static_cast<uint32_t>(used.size());
    info.map_ids = reinterpret_cast<uint64_t>(used.data());
    uint32_t size = sizeof(info);
    EXPECT_EQ(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
    ids.insert(used.begin(), used.begin() + info.nr_map_ids);
  }
  return ids;
}

// Of all that both objects use: the maps of arenas are reached through that of arenas.
std::set<uint32_t> IdsOf(const kernel::UnwindMaps& tables) {
  std::set<uint32_t> ids;
  for (const char* name :
       {"unwind_arenas", "unwind_pages", "unwind_escapes", "unwind_files", "unwind_mappings", "unwind_processes"}) {
    bpf_map_info info{};
    uint32_t size = sizeof(info);
    EXPECT_EQ(bpf_obj_get_info_by_fd(tables.Fd(name), &info, &size), 0) << name;
    ids.insert(info.id);
  }
  return ids;
}

TEST(MapSets, OfTheSamplingProgramAreSharedWithNoOtherButForTheUnwindingTables) {
  if (::geteuid() != 0) GTEST_SKIP() << "loading BPF programs needs root";
  auto features = kernel::ProbeFeatures();
  ASSERT_TRUE(features.ok()) << features.status();
  auto ignore = [](std::span<const std::byte>) {};
  auto tables = kernel::UnwindMaps::Create();
  ASSERT_TRUE(tables.ok()) << tables.status();
  auto cpu = kernel::CpuPrograms::Load(**tables, ignore);
  auto sched = kernel::SchedPrograms::Load(*features, **tables, ignore);
  auto block = kernel::BlockPrograms::Load(*features, **tables, ignore);
  auto net = kernel::NetPrograms::Load(*features, **tables, ignore);
  auto faults = kernel::FaultPrograms::Load(*features, **tables, ignore);
  ASSERT_TRUE(cpu.ok() && sched.ok() && block.ok() && net.ok() && faults.ok())
      << cpu.status() << sched.status() << block.status() << net.status() << faults.status();
  const std::set<uint32_t> first = MapIds((*cpu)->Object());
  ASSERT_GE(first.size(), 5U);
  for (const bpf_object* object : {(*sched)->Object(), (*block)->Object(), (*net)->Object(), (*faults)->Object()}) {
    std::set<uint32_t> second = MapIds(object), both;
    ASSERT_GE(second.size(), 8U);
    std::ranges::set_intersection(first, second, std::inserter(both, both.end()));
    EXPECT_EQ(both, IdsOf(**tables));
  }
}

}  // namespace
}  // namespace sonde::bpf_kernel
