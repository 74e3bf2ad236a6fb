#include "agent/capture/record_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "bpf/abi/stack.h"
#include "bpf/abi/unwind.h"

namespace sonde::capture {
namespace {

using testing::ElementsAre;

abi::stack_record StackRecord() {
  abi::stack_record record{};
  record.type = abi::RECORD_STACK;
  record.tgid = 7;
  record.id = {11, 12};
  record.kernel_frames = 1;
  record.user_frames = 2;
  record.stop = abi::UNWIND_STOP_BOTTOM;
  std::memcpy(record.comm, "0123456789abcdef", SONDE_COMM_LEN);  // the kernel may fill the field whole
  record.frames[0] = 100;
  record.frames[1] = 201;
  record.frames[2] = 202;
  return record;
}

std::span<const std::byte> Bytes(const auto& record, size_t size) {
  return std::as_bytes(std::span(&record, 1)).first(size);
}

TEST(RecordParser, ReadsAStackWithItsFramesInOrder) {
  abi::stack_record record = StackRecord();
  auto parsed = ParseRingRecord(Bytes(record, SONDE_STACK_HEADER_BYTES + 3 * 8));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const StackSeen& seen = std::get<StackSeen>(*parsed);
  EXPECT_EQ(seen.id, (model::StackId{11, 12}));
  EXPECT_EQ(seen.comm, "0123456789abcdef");
  EXPECT_THAT(seen.stack.kernel, ElementsAre(100));
  EXPECT_THAT(seen.user_frames, ElementsAre(201, 202));
  EXPECT_EQ(seen.stack.end, model::StackEnd::kBottom);
}

TEST(RecordParser, RefusesAnEndThatItDoesNotKnow) {
  abi::stack_record record = StackRecord();
  record.stop = abi::UNWIND_STOPS;
  EXPECT_FALSE(ParseRingRecord(Bytes(record, SONDE_STACK_HEADER_BYTES + 3 * 8)).ok());
}

TEST(RecordParser, RefusesEveryPrefixOfARecord) {
  abi::stack_record stack = StackRecord();
  for (size_t size = 0; size < SONDE_STACK_HEADER_BYTES + 3 * 8; ++size) {
    EXPECT_FALSE(ParseRingRecord(Bytes(stack, size)).ok()) << size;
  }
  abi::thread_exit_record exited{};
  exited.type = abi::RECORD_THREAD_EXIT;
  for (size_t size = 0; size < sizeof(exited); ++size) EXPECT_FALSE(ParseRingRecord(Bytes(exited, size)).ok()) << size;
}

TEST(RecordParser, RefusesATypeThatItDoesNotKnow) {
  uint64_t record = 77;
  EXPECT_FALSE(ParseRingRecord(Bytes(record, sizeof(record))).ok());
}

TEST(RecordParser, ReadsTheAccountOfAnExitedThread) {
  abi::thread_exit_record record{};
  record.type = abi::RECORD_THREAD_EXIT;
  record.slice = 3;
  record.ended_ns = 900;
  record.thread = {.tgid = 1, .tid = 2, .started_ns = 5, .ns = {10, 20, 30}, .comm = "worker", .group_comm = "leader"};
  record.has_previous = 1;
  record.previous_ns[abi::THREAD_BLOCKED] = 40;
  auto parsed = ParseRingRecord(Bytes(record, sizeof(record)));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ThreadExited& exited = std::get<ThreadExited>(*parsed);
  EXPECT_EQ(exited.account.comm, "worker");
  EXPECT_EQ(exited.account.ended_ns, 900U);
  EXPECT_THAT(exited.account.ns, ElementsAre(10, 20, 30));
  EXPECT_THAT(exited.previous, ElementsAre(0, 0, 40));
}

}  // namespace
}  // namespace sonde::capture
