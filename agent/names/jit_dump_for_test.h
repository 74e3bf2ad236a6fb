#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace sonde::names {

// The bytes of a jitdump.
class JitDumpForTest {
 public:
  JitDumpForTest() {
    Put<uint32_t>(0x4A695444)
        .Put<uint32_t>(1)
        .Put<uint32_t>(40)
        .Put<uint32_t>(62)
        .Put<uint32_t>(0)
        .Put<uint32_t>(7)
        .Put<uint64_t>(0)
        .Put<uint64_t>(0);
  }

  JitDumpForTest& Load(uint64_t start, uint64_t size, const std::string& name, size_t code_bytes = 16) {
    Head(0, 40 + name.size() + 1 + code_bytes);
    Put<uint32_t>(7).Put<uint32_t>(7).Put(start).Put(start).Put(size).Put<uint64_t>(1);
    bytes_ += name + '\0' + std::string(code_bytes, '\x90');
    return *this;
  }
  JitDumpForTest& Move(uint64_t from, uint64_t to, uint64_t size) {
    Head(1, 48);
    return Put<uint32_t>(7).Put<uint32_t>(7).Put(to).Put(from).Put(to).Put(size).Put<uint64_t>(1);
  }
  struct Line {
    uint64_t address;
    int32_t line;
    std::string file;  // "\xff": as before
  };
  // What is to be said before the code is loaded. `entries`: said to be there.
  JitDumpForTest& Lines(uint64_t code, const std::vector<Line>& lines, uint64_t entries) {
    size_t bytes = 16;
    for (const Line& line : lines) bytes += 16 + line.file.size() + 1;
    Head(2, bytes);
    Put(code).Put(entries);
    for (const Line& line : lines) {
      Put(line.address).Put(line.line).Put<int32_t>(0);
      bytes_ += line.file + '\0';
    }
    return *this;
  }
  JitDumpForTest& Lines(uint64_t code, const std::vector<Line>& lines) { return Lines(code, lines, lines.size()); }
  // A record of another kind.
  JitDumpForTest& Other(uint32_t kind, size_t body_bytes) {
    Head(kind, body_bytes);
    bytes_ += std::string(body_bytes, 'x');
    return *this;
  }
  // A header whose size is whatever is said here.
  JitDumpForTest& Broken(uint32_t bytes) {
    Put<uint32_t>(0).Put(bytes).Put<uint64_t>(0);
    return *this;
  }
  const std::string& Bytes() const { return bytes_; }

 private:
  void Head(uint32_t kind, size_t body_bytes) {
    Put(kind).Put(static_cast<uint32_t>(16 + body_bytes)).Put<uint64_t>(0);
  }
  template <typename T>
  JitDumpForTest& Put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }

  std::string bytes_;
};

}  // namespace sonde::names
