#include "host_frames.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "agent/elf/elf_file.h"

namespace sonde::bench {
namespace {

constexpr char kKernel[] = "[kernel]";
constexpr size_t kDepth = 20;
constexpr uint64_t kLongestKernelFunction = 256;

model::ExecutableFilePtr OpenFile(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0) return nullptr;
  const model::FileIdentity identity{info.st_dev, info.st_ino, info.st_size,
                                     info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec};
  return std::make_shared<const model::ExecutableFile>(
      model::ExecutableFile{model::CodeKind::kFile, identity, path, std::move(fd)});
}

bool ReadSections(HostFrames::File* file) {
  const elf::ByteSource source(file->file->fd.Get(), static_cast<uint64_t>(file->file->identity.size_bytes));
  const auto elf = elf::ElfFile::Open(source);
  if (!elf.ok()) return false;
  for (const elf::Section& section : elf->Sections()) {
    if ((section.flags & SHF_EXECINSTR) == 0 || section.size == 0 || section.name.starts_with(".plt")) continue;
    if (file->code.empty()) file->vaddr_bias = section.vaddr - section.file_offset;
    file->code.emplace_back(section.file_offset, section.file_offset + section.size);
  }
  return !file->code.empty();
}

// Functions of the kernel and its modules. None: it hides them.
std::vector<std::pair<uint64_t, uint64_t>> KernelFunctions() {
  std::vector<std::pair<uint64_t, uint64_t>> functions;
  std::ifstream symbols("/proc/kallsyms");
  for (std::string line; std::getline(symbols, line);) {
    const uint64_t address = std::strtoull(line.c_str(), nullptr, 16);
    const size_t kind = line.find(' ') + 1;
    if (address == 0 || (line[kind] != 't' && line[kind] != 'T')) continue;
    functions.emplace_back(address, address + kLongestKernelFunction);
  }
  return functions;
}

}  // namespace

bool HostFrames::Add(const std::string& path, size_t count) {
  File file;
  if (path == kKernel) {
    file.file = std::make_shared<const model::ExecutableFile>(
        model::ExecutableFile{model::CodeKind::kKernel, {}, "[kernel.kallsyms]", {}});
    file.code = KernelFunctions();
  } else {
    file.file = OpenFile(path);
    if (file.file == nullptr || !ReadSections(&file)) return false;
  }
  if (file.code.empty()) return false;
  std::unordered_set<uint64_t> drawn;
  for (size_t tries = 0; drawn.size() < count && tries < 4 * count; ++tries) drawn.insert(DrawOffset(file));
  if (drawn.size() < count) return false;
  file.offsets.assign(drawn.begin(), drawn.end());
  std::ranges::sort(file.offsets);
  files_.push_back(std::move(file));
  return true;
}

uint64_t HostFrames::DrawOffset(const File& file) {
  uint64_t bytes = 0;
  for (const auto& [begin, end] : file.code) bytes += end - begin;
  uint64_t at = std::uniform_int_distribution<uint64_t>(0, bytes - 1)(draw_);
  for (const auto& [begin, end] : file.code) {
    if (at < end - begin) return begin + at;
    at -= end - begin;
  }
  return 0;
}

void HostFrames::Replace(uint64_t one_in) {
  for (File& file : files_) {
    for (uint64_t& offset : file.offsets) {
      if (draw_() % one_in == 0) offset = DrawOffset(file);
    }
  }
}

size_t HostFrames::Count() const {
  size_t count = 0;
  for (const File& file : files_) count += file.offsets.size();
  return count;
}

void HostFrames::AddStacks(model::ProfileBatch* batch, std::vector<model::Frame> frames, size_t times) {
  for (size_t time = 0; time < times; ++time) {
    std::ranges::shuffle(frames, draw_);
    for (size_t at = 0; at < frames.size(); at += kDepth) {
      const size_t end = std::min(frames.size(), at + kDepth);
      batch->stacks.emplace_back(frames.begin() + static_cast<ptrdiff_t>(at),
                                 frames.begin() + static_cast<ptrdiff_t>(end));
      const auto stack = static_cast<uint32_t>(batch->stacks.size() - 1);
      batch->samples.push_back({.stack = stack, .count = 3, .ns = 30'000'000});
      if (batch->kind == profile::Kind::kOffCpu) batch->samples.back().reason = profile::Reason::kDisk;
    }
  }
}

std::vector<model::ProfileBatch> HostFrames::Window(size_t series, size_t times, int64_t start_unix_ns) {
  std::vector<model::ProfileBatch> batches;
  for (const profile::Kind kind : {profile::Kind::kCpu, profile::Kind::kOffCpu}) {
    for (size_t service = 0; service < series; ++service) {
      model::ProfileBatch& batch = batches.emplace_back();
      batch.kind = kind;
      batch.labels = {{"service_name", absl::StrCat("service-", service)}};
      batch.start_unix_ns = start_unix_ns;
      batch.duration_ns = 60'000'000'000;
      batch.sampling_hz = 99;
      batch.processes = {"program"};
      std::vector<model::Frame> frames;
      for (size_t i = 0; i < files_.size(); ++i) {
        const bool is_of_all = i == 0 || files_[i].file->kind == model::CodeKind::kKernel;
        if (!is_of_all && i % series != service) continue;
        batch.files.push_back(files_[i].file);
        const auto index = static_cast<uint32_t>(batch.files.size() - 1);
        const std::vector<uint64_t>& offsets = files_[i].offsets;
        // Of what all have, each service has its share.
        for (size_t j = is_of_all ? service : 0; j < offsets.size(); j += is_of_all ? series : 1)
          frames.push_back({index, offsets[j]});
      }
      AddStacks(&batch, std::move(frames), times);
    }
  }
  return batches;
}

}  // namespace sonde::bench
