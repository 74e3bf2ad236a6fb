#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/elf/cfi_image_for_test.h"

namespace sonde::elf {

// Writes the pclntab of a Go program by hand, and its code.
class PclntabForTest {
 public:
  struct Step {
    uint32_t bytes = 0;
    int64_t delta = 0;
  };
  struct Function {
    std::string name;
    uint32_t begin = 0;  // counted from Go's text
    uint32_t end = 0;
    std::vector<Step> steps;
    uint8_t flags = 0;
  };

  static constexpr uint8_t kTopFrame = 1;
  static constexpr uint8_t kWritesSp = 2;

  std::vector<Function> functions;
  uint64_t text_start = 0;  // as the header states it
  bool is_go118 = false;

  std::vector<std::byte> Build() const {
    std::vector<std::byte> names, deltas(1), records;
    std::vector<uint32_t> table;
    size_t table_bytes = (functions.size() * 2 + 1) * 4;
    for (const Function& function : functions) {
      table.push_back(function.begin);
      table.push_back(static_cast<uint32_t>(table_bytes + records.size()));
      PutRecord(function, static_cast<uint32_t>(names.size()), static_cast<uint32_t>(deltas.size()), &records);
      PutText(function.name, &names);
      PutSteps(function.steps, &deltas);
    }
    table.push_back(functions.empty() ? 0 : functions.back().end);
    std::vector<std::byte> bytes;
    constexpr uint64_t kHeaderBytes = 72;
    uint64_t deltas_at = kHeaderBytes + names.size();
    Put<uint32_t>(is_go118 ? 0xFFFFFFF0 : 0xFFFFFFF1, &bytes);
    Put<uint32_t>(0x08010000, &bytes);
    for (uint64_t word : {uint64_t{functions.size()}, uint64_t{0}, text_start, kHeaderBytes, uint64_t{0}, uint64_t{0},
                          deltas_at, deltas_at + deltas.size()}) {
      Put(word, &bytes);
    }
    for (const auto* part : {&names, &deltas}) bytes.insert(bytes.end(), part->begin(), part->end());
    for (uint32_t word : table) Put(word, &bytes);
    bytes.insert(bytes.end(), records.begin(), records.end());
    return bytes;
  }

 private:
  template <typename T>
  static void Put(T value, std::vector<std::byte>* bytes) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes->insert(bytes->end(), from, from + sizeof(T));
  }
  static void PutText(const std::string& text, std::vector<std::byte>* bytes) {
    for (char letter : text) Put(letter, bytes);
    Put('\0', bytes);
  }
  static void PutVarint(uint64_t value, std::vector<std::byte>* bytes) {
    for (; value >= 0x80; value >>= 7) Put(static_cast<uint8_t>(value | 0x80), bytes);
    Put(static_cast<uint8_t>(value), bytes);
  }
  static void PutSteps(const std::vector<Step>& steps, std::vector<std::byte>* bytes) {
    int64_t before = -1;
    for (const Step& step : steps) {
      int64_t change = step.delta - before;
      PutVarint(change < 0 ? static_cast<uint64_t>(~change) << 1 | 1 : static_cast<uint64_t>(change) << 1, bytes);
      PutVarint(step.bytes, bytes);
      before = step.delta;
    }
    PutVarint(0, bytes);
  }
  void PutRecord(const Function& function, uint32_t name, uint32_t deltas, std::vector<std::byte>* records) const {
    for (uint32_t word : {function.begin, name, 0U, 0U, function.steps.empty() ? 0U : deltas, 0U, 0U, 0U, 0U}) {
      Put(word, records);
    }
    if (!is_go118) Put(uint32_t{1}, records);  // first line
    for (uint8_t byte : {uint8_t{0}, function.flags, uint8_t{0}, uint8_t{0}}) Put(byte, records);
  }
};

}  // namespace sonde::elf
