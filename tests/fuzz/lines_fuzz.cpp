// Any bytes as an ELF file with debug information, of DWARF or of Go: functions, lines, inlined calls, places of debug
// files. The file is also its own alternate, and its own .dwo or .dwp.

#include <span>
#include <vector>

#include "agent/elf/debug_file_places.h"
#include "agent/elf/limits.h"
#include "agent/elf/source_lines.h"
#include "fuzzed_table.h"

namespace sonde::fuzz {
namespace {

std::vector<uint64_t> AddressesOf(const elf::ElfFile& file) {
  std::vector<uint64_t> addresses;
  for (const elf::LoadSegment& segment : file.ExecutableSegments()) {
    for (uint64_t i = 0; i < 64; ++i) addresses.push_back(segment.vaddr + i * 61 % (segment.file_size + 1));
  }
  for (uint64_t vaddr = 0x1000; vaddr < 0x3000; vaddr += 97) addresses.push_back(vaddr);
  return addresses;
}

void RequireClean(std::string_view path) {
  Require(path.starts_with('/') && path.find("/../") == path.npos && path.find('\0') == path.npos);
}

void AnswerAndCheck(const elf::ElfFile& file, elf::SourceLines* lines) {
  std::vector<uint64_t> addresses = AddressesOf(file);
  elf::SourceAnswers answers = lines->Answer(addresses);
  for (const elf::SplitFile& missing : answers.MissingSplitFiles()) {
    for (const std::string& path : elf::SplitFilePlaces(missing.folder, missing.name, "/a/b")) RequireClean(path);
  }
  Require(answers.Size() == addresses.size());
  for (size_t i = 0; i < answers.Size(); ++i) {
    std::span<const elf::SourceFrame> frames = answers.FramesOf(i);
    Require(frames.empty() || !frames.back().is_inlined);
    for (const elf::SourceFrame& frame : frames) {
      Require(frame.function.size() <= elf::kMaxNameBytes && frame.file.size() <= elf::kMaxNameBytes);
      Require(frame.function.find('\0') == frame.function.npos);
    }
  }
}

}  // namespace
}  // namespace sonde::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sonde;
  std::span<const std::byte> input = std::as_bytes(std::span(bytes, size));
  auto file = elf::ElfFile::OpenDebug(elf::ByteSource(input));
  if (!file.ok()) return 0;
  const std::vector<std::string> folders = {"/usr/lib/debug"};
  const auto link = elf::FindDebugLink(*file);
  for (const auto& place :
       elf::DebugFilePlaces(file->BuildId(), link ? link->name : "", "/usr/bin/../program", folders)) {
    fuzz::RequireClean(place.path);
  }
  if (auto alternate = elf::FindAlternateLink(*file)) {
    for (const std::string& path : elf::AlternateFilePlaces(*alternate, "/a/b", folders)) fuzz::RequireClean(path);
  }
  auto lines = elf::SourceLines::Open(*file, &*file);
  if (!lines.ok()) return 0;
  fuzz::AnswerAndCheck(*file, lines->get());
  if ((*lines)->AddSplitFile(*file).ok()) fuzz::AnswerAndCheck(*file, lines->get());
  return 0;
}
