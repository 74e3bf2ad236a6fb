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

uint64_t Time(uint64_t what, uint64_t ns) { return what << EXIT_TIME_WHAT_SHIFT | ns; }

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
  exited.times = 2;
  for (size_t size = 0; size < SONDE_EXIT_HEADER_BYTES + 2 * 8; ++size)
    EXPECT_FALSE(ParseRingRecord(Bytes(exited, size)).ok()) << size;
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
  record.tgid = 1;
  record.tid = 2;
  record.started_ns = 5;
  std::memcpy(record.comm, "worker", 7);
  record.has_previous = 1;
  record.times = 3;
  record.time[0] = Time(abi::REASON_ON_CPU, 10);
  record.time[1] = Time(abi::REASON_DISK, 30);
  record.time[2] = Time(abi::REASON_DISK | EXIT_TIME_PREVIOUS, 40);
  auto parsed = ParseRingRecord(Bytes(record, SONDE_EXIT_HEADER_BYTES + 3 * 8));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const ThreadExited& exited = std::get<ThreadExited>(*parsed);
  EXPECT_EQ(exited.account.comm, "worker");
  EXPECT_EQ(exited.account.ended_ns, 900U);
  EXPECT_EQ(exited.account.started_ns, 5U);
  profile::ReasonTimes expected{}, expected_before{};
  profile::At(expected, profile::Reason::kOnCpu) = 10;
  profile::At(expected, profile::Reason::kDisk) = 30;
  profile::At(expected_before, profile::Reason::kDisk) = 40;
  EXPECT_EQ(exited.account.ns, expected);
  EXPECT_EQ(exited.previous, expected_before);
}

TEST(RecordParser, RefusesAReasonThatItDoesNotKnow) {
  abi::thread_exit_record record{};
  record.type = abi::RECORD_THREAD_EXIT;
  record.times = 1;
  record.time[0] = Time(abi::REASONS, 10);
  EXPECT_FALSE(ParseRingRecord(Bytes(record, SONDE_EXIT_HEADER_BYTES + 8)).ok());
}

}  // namespace
}  // namespace sonde::capture
