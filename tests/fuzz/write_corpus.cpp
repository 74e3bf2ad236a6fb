// Writes the seeds that the fuzzers begin with. usage: write_corpus FOLDER (gets a folder for each)

#include <elf.h>
#include <sys/auxv.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/elf/cfi_image_for_test.h"
#include "agent/elf/dwarf/dwarf_image_for_test.h"
#include "agent/elf/elf_image_for_test.h"
#include "agent/names/bulk_wire.h"
#include "agent/names/jit_dump_for_test.h"
#include "agent/names/name_wire.h"
#include "go_code.h"

namespace sonde::fuzz {
namespace {

using Bytes = std::vector<std::byte>;
using elf::ByteList;
using elf::CfiBytesForTest;
using elf::CfiImageForTest;

class Corpus {
 public:
  explicit Corpus(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void Add(const std::string& fuzzer, const std::string& name, const Bytes& bytes) {
    std::filesystem::create_directories(folder_ / fuzzer);
    std::ofstream file(folder_ / fuzzer / name, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    is_written_ = is_written_ && file.good();
  }
  bool IsWritten() const { return is_written_; }

 private:
  std::filesystem::path folder_;
  bool is_written_ = true;
};

Bytes After(uint8_t selector, const Bytes& bytes) {
  Bytes whole = {std::byte{selector}};
  whole.insert(whole.end(), bytes.begin(), bytes.end());
  return whole;
}

// Each instruction at least once, in the order of their numbers.
const ByteList kAllInstructions = {0x0A, 0x41, 0x0E, 16,   0x86, 2,    0x43, 0x0D, 6,    0x02, 9,    0xC6, 0x0C, 7,
                                   8,    0x03, 9,    0,    0x05, 6,    3,    0x04, 9,    0,    0,    0,    0x06, 6,
                                   0x07, 16,   0x41, 0x08, 6,    0x09, 16,   5,    0x41, 0x0B, 0x0F, 3,    0x76, 0x78,
                                   0x06, 0x10, 6,    2,    0x76, 0,    0x41, 0x11, 6,    0x7E, 0x12, 7,    0x7E, 0x13,
                                   0x7D, 0x41, 0x14, 7,    0,    0x15, 7,    0,    0x16, 6,    2,    0x76, 0,    0x41,
                                   0x2E, 32,   0x2F, 6,    2,    0x1D, 1,    0,    0,    0,    0,    0,    0,    0};
const ByteList kPlt = {0x0F, 11, 0x77, 0x08, 0x80, 0x00, 0x3F, 0x1A, 0x39, 0x2A, 0x33, 0x24, 0x22};
const ByteList kSignal = {0x0F, 4, 0x77, 0xA0, 0x01, 0x06, 0x10, 6, 3, 0x77, 0xF8, 0x00, 0x10, 16, 3, 0x77, 0xA8, 0x01};

Bytes EhFrame(uint64_t vaddr) {
  CfiBytesForTest bytes(vaddr);
  size_t cie = bytes.UsualCie();
  bytes.Fde(cie, CfiImageForTest::kCodeVaddr, 0x100, kAllInstructions);
  bytes.Fde(bytes.UsualCie(kSignal, "S"), CfiImageForTest::kCodeVaddr + 0x200, 9);
  bytes.Fde(cie, CfiImageForTest::kCodeVaddr + 0x300, 0x10100, kPlt);
  bytes.Terminator();
  return bytes.bytes;
}

Bytes DebugFrame() {
  CfiBytesForTest bytes(0, /*is_debug_frame=*/true);
  size_t cie = bytes.Cie({4, 0, 8, 0, 1, 0x78, 16, 0x0C, 7, 8, 0x90, 1});
  bytes.PlainFde(cie, CfiImageForTest::kCodeVaddr + 0x400, 0x100, kAllInstructions);
  return bytes.bytes;
}

Bytes WholeProgram(bool with_section_headers) {
  CfiImageForTest image;
  uint64_t eh_frame = image.NextVaddr();
  image.AddSection(".eh_frame", EhFrame(eh_frame));
  image.AddFrameHeader(eh_frame);
  image.AddSection(".debug_frame", DebugFrame(), 0);
  return image.Build(with_section_headers);
}

Bytes WholeGoProgram() {
  CfiImageForTest image = GoCode();
  image.AddSection(".gopclntab", GoTable().Build());
  return image.Build();
}

Bytes WithLines() {
  elf::DwarfImageForTest image;
  uint32_t inlined = image.Declaration("inlined", 0);
  image.Function("caller", elf::DwarfImageForTest::kBegin, 256);
  image.Inlined(inlined, elf::DwarfImageForTest::kBegin + 16, 16, 1, 77);
  image.EndChildren(3);
  return image.Build();
}

Bytes WithSymbols() {
  elf::ElfImageForTest image;
  image.symtab = {{"function", 0x1000, 64}, {"other", 0x1100, 0}};
  image.dynsym = {{"dynamic", 0x1200, 16}};
  return image.Build();
}

Bytes Vdso() {
  const auto* begin = reinterpret_cast<const std::byte*>(getauxval(AT_SYSINFO_EHDR));
  if (begin == nullptr) return {};
  Elf64_Ehdr header;
  std::memcpy(&header, begin, sizeof(header));
  return {begin, begin + header.e_shoff + size_t{header.e_shnum} * sizeof(Elf64_Shdr)};
}

Bytes BytesOf(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

void AddPackets(Corpus* corpus) {
  names::Request request;
  request.offsets = {1, 2};
  corpus->Add("wire", "request", BytesOf(names::Encode(request)));
  names::FileReply file;
  file.why = "why";
  file.build_id = "abcd";
  file.segments = {{0, 1, 2, 3}};
  file.debug_link = "x.debug";
  corpus->Add("wire", "file", BytesOf(names::Encode(file)));
  corpus->Add("wire", "missing", BytesOf(names::Encode(names::MissingReply{1, true, {{"/a", "b.dwo", 7}}})));
  corpus->Add("wire", "hello", BytesOf(names::Encode(names::Hello{true, false, true, false})));
  names::TableHead table;
  table.pages = table.rows = table.escapes = 1;
  corpus->Add("wire", "table", BytesOf(names::Encode(table)));
  names::ExtractHead extract;
  extract.build_id = "abcd";
  extract.debug_link = "x.debug";
  corpus->Add("wire", "extract", BytesOf(names::Encode(extract)));
  names::PlacesEncoder places(5);
  places.TryAdd({{.name = "inlined", .system_name = "_Z", .file = "a.c", .line = 1},
                 {.name = "outer", .system_name = "", .file = ""}});
  corpus->Add("wire", "places", BytesOf(places.Take(true)));
}

void AddMadeCode(Corpus* corpus) {
  corpus->Add("made_code", "perf_map",
              BytesOf("1000 100 old\n1020 20 new name\n0x7f0010 20 spin /app/x.js:3\nnonsense\n2000 10 last"));
  names::JitDumpForTest dump;
  dump.Load(0x1000, 0x100, "old")
      .Other(2, 30)
      .Load(0x1020, 0x20, "new")
      .Move(0x1020, 0x2000, 0x20)
      .Load(0x7f0010, 32, "spin");
  corpus->Add("made_code", "jitdump", BytesOf(dump.Bytes()));
  names::JitDumpForTest lines;
  lines.Lines(0x1000, {{0x1000, 3, "/app/x.js"}, {0x1010, 5, "\xff"}, {0x1020, 7, "/app/y.js"}})
      .Load(0x1000, 0x100, "plain")
      .Move(0x1000, 0x2000, 0x100)
      .Lines(0x3000, {{0x3040, 9, "/app/z.js"}}, 2)
      .Load(0x3000, 0x100, "beyond");
  corpus->Add("made_code", "jitdump_lines", BytesOf(lines.Bytes()));
  names::JitDumpForTest shifted;
  shifted.Lines(0x7f0010, {{0x7f0050, 1, "a.py"}, {0x7f0060, 2, "\xff"}}).Load(0x7f0010, 32, "spin");
  corpus->Add("made_code", "jitdump_shifted_lines", BytesOf(shifted.Bytes()));
}

int Main(const char* folder) {
  Corpus corpus(folder);
  AddPackets(&corpus);
  AddMadeCode(&corpus);
  corpus.Add("elf", "program", WholeProgram(true));
  corpus.Add("elf", "program_without_sections", WholeProgram(false));
  corpus.Add("elf", "go_program", WholeGoProgram());
  corpus.Add("elf", "symbols", WithSymbols());
  corpus.Add("elf", "vdso", Vdso());
  corpus.Add("cfi", "eh_frame", After(0, EhFrame(CfiImageForTest(0x11000).NextVaddr())));
  corpus.Add("cfi", "debug_frame", After(1, DebugFrame()));
  corpus.Add("pclntab", "go_1_20", GoTable().Build());
  elf::PclntabForTest old = GoTable();
  old.is_go118 = true;
  old.text_start = CfiImageForTest::kCodeVaddr;
  corpus.Add("pclntab", "go_1_18", old.Build());
  corpus.Add("lines", "dwarf_4", WithLines());
  corpus.Add("lines", "go", WholeGoProgram());
  return corpus.IsWritten() ? 0 : 1;
}

}  // namespace
}  // namespace sonde::fuzz

int main(int count, char** arguments) {
  if (count == 2) return sonde::fuzz::Main(arguments[1]);
  std::fprintf(stderr, "usage: write_corpus FOLDER\n");
  return 2;
}
