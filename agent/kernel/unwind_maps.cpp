#include "agent/kernel/unwind_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/kernel/bpf_cost.h"
#include "agent/kernel/libbpf_log.h"
#include "agent/kernel/map_window.h"

namespace sonde::kernel {
namespace {

constexpr size_t kKernelNameBytes = 15;  // BPF_OBJ_NAME_LEN without its NUL

struct Shape {
  const char* name;
  bpf_map_type type;
  uint32_t value_bytes;
  uint32_t entries;
  uint32_t flags;
};

constexpr Shape kArenaShape{"unwind_arena", BPF_MAP_TYPE_ARRAY, sizeof(abi::unwind_block), UNWIND_BLOCKS_PER_ARENA,
                            BPF_F_MMAPABLE};
// In the order of UnwindMaps::MapIndex.
constexpr std::array<Shape, 6> kShapes = {{
    {"unwind_arenas", BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(uint32_t), UNWIND_ARENAS, 0},
    {"unwind_pages", BPF_MAP_TYPE_ARRAY, sizeof(abi::unwind_page), UNWIND_PAGES, BPF_F_MMAPABLE},
    {"unwind_escapes", BPF_MAP_TYPE_ARRAY, sizeof(abi::unwind_escape), UNWIND_ESCAPES, BPF_F_MMAPABLE},
    {"unwind_files", BPF_MAP_TYPE_ARRAY, sizeof(abi::unwind_file), UNWIND_FILES, BPF_F_MMAPABLE},
    {"unwind_mappings", BPF_MAP_TYPE_ARRAY, sizeof(abi::unwind_mapping), UNWIND_MAPPINGS, BPF_F_MMAPABLE},
    {"unwind_processes", BPF_MAP_TYPE_HASH, sizeof(abi::unwind_process), UNWIND_PROCESSES, 0},
}};

absl::StatusOr<base::UniqueFd> CreateMap(const Shape& shape, int inner_fd) {
  bpf_map_create_opts options{};
  options.sz = sizeof(options);
  options.map_flags = shape.flags;
  if (inner_fd >= 0) options.inner_map_fd = static_cast<uint32_t>(inner_fd);
  std::string name(std::string_view(shape.name).substr(0, kKernelNameBytes));
  int fd = bpf_map_create(shape.type, name.c_str(), sizeof(uint32_t), shape.value_bytes, shape.entries, &options);
  if (fd < 0) return LibbpfError(absl::StrCat("cannot make the map ", shape.name), fd);
  return base::UniqueFd(fd);
}

absl::Status CheckShape(const bpf_map* map, const Shape& shape) {
  bool same = bpf_map__type(map) == shape.type && bpf_map__value_size(map) == shape.value_bytes &&
              bpf_map__max_entries(map) == shape.entries && bpf_map__map_flags(map) == shape.flags;
  if (same) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the map ", shape.name, " has another shape in the program: this is a bug"));
}

absl::Status CheckRange(uint64_t first, uint64_t count, uint64_t limit) {
  if (first + count <= limit) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("elements ", first, " to ", first + count, " of ", limit));
}

// Copies `values` to the elements from `first` on. `limit`: how many elements there are.
template <typename T>
absl::Status Write(int map_fd, uint64_t first, uint64_t limit, std::span<const T> values) {
  if (absl::Status status = CheckRange(first, values.size(), limit); !status.ok()) return status;
  if (values.empty()) return absl::OkStatus();
  auto window = MapWindow::Open(map_fd, first * sizeof(T), values.size_bytes(), MapWindow::kWrite);
  if (!window.ok()) return window.status();
  // The window's unmapping orders these stores before later ones: the kernel takes a lock for it.
  std::memcpy(window->Bytes(), values.data(), values.size_bytes());
  return absl::OkStatus();
}

// The other way round.
template <typename T>
absl::Status Read(int map_fd, uint64_t first, uint64_t limit, std::span<T> values) {
  if (absl::Status status = CheckRange(first, values.size(), limit); !status.ok()) return status;
  if (values.empty()) return absl::OkStatus();
  auto window = MapWindow::Open(map_fd, first * sizeof(T), values.size_bytes(), MapWindow::kRead);
  if (!window.ok()) return window.status();
  std::memcpy(values.data(), window->Bytes(), values.size_bytes());
  return absl::OkStatus();
}

constexpr uint64_t kArenaRows = uint64_t{UNWIND_BLOCKS_PER_ARENA} * UNWIND_BLOCK_ROWS;

// Its first row's place in its arena.
uint64_t FirstOfBlock(uint32_t block) { return uint64_t{block % UNWIND_BLOCKS_PER_ARENA} * UNWIND_BLOCK_ROWS; }

}  // namespace

absl::StatusOr<std::unique_ptr<UnwindMaps>> UnwindMaps::Create() {
  auto maps = std::unique_ptr<UnwindMaps>(new UnwindMaps());
  absl::StatusOr<base::UniqueFd> arena = CreateMap(kArenaShape, -1);
  if (!arena.ok()) return arena.status();
  maps->spare_arena_ = *std::move(arena);
  static_assert(kShapes.size() == kMaps);
  for (size_t i = 0; i < kShapes.size(); ++i) {
    absl::StatusOr<base::UniqueFd> map = CreateMap(kShapes[i], i == kArenas ? maps->spare_arena_.Get() : -1);
    if (!map.ok()) return map.status();
    maps->maps_[i] = *std::move(map);
  }
  return maps;
}

absl::Status UnwindMaps::AddArena() {
  const uint32_t index = Arenas();
  if (index == UNWIND_ARENAS) return absl::ResourceExhaustedError("all arenas for unwinding rows are in use");
  if (!spare_arena_.IsValid()) {
    absl::StatusOr<base::UniqueFd> arena = CreateMap(kArenaShape, -1);
    if (!arena.ok()) return arena.status();
    spare_arena_ = *std::move(arena);
  }
  const int fd = spare_arena_.Get();
  int error = bpf_map_update_elem(maps_[kArenas].Get(), &index, &fd, BPF_ANY);
  if (error != 0) return LibbpfError("cannot add an arena for unwinding rows", error);
  arenas_.push_back(std::move(spare_arena_));
  arena_count_.store(index + 1, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status UnwindMaps::DropArena() {
  if (arenas_.empty()) return absl::FailedPreconditionError("there is no arena of unwinding rows to drop");
  const uint32_t index = Arenas() - 1;
  if (int error = bpf_map_delete_elem(maps_[kArenas].Get(), &index); error != 0) {
    return LibbpfError("cannot drop an arena of unwinding rows", error);
  }
  arenas_.pop_back();
  arena_count_.store(index, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status UnwindMaps::CheckRows(uint32_t block, uint32_t first, size_t count) const {
  if (block / UNWIND_BLOCKS_PER_ARENA < arenas_.size() && first + count <= UNWIND_BLOCK_ROWS) return absl::OkStatus();
  return absl::OutOfRangeError(absl::StrCat("row ", first, " of block ", block));
}

absl::Status UnwindMaps::WriteRows(uint32_t block, uint32_t first, std::span<const abi::unwind_row> rows) {
  if (absl::Status status = CheckRows(block, first, rows.size()); !status.ok()) return status;
  return Write(arenas_[block / UNWIND_BLOCKS_PER_ARENA].Get(), FirstOfBlock(block) + first, kArenaRows, rows);
}

absl::Status UnwindMaps::ReadRows(uint32_t block, uint32_t first, std::span<abi::unwind_row> rows) const {
  if (absl::Status status = CheckRows(block, first, rows.size()); !status.ok()) return status;
  return Read(arenas_[block / UNWIND_BLOCKS_PER_ARENA].Get(), FirstOfBlock(block) + first, kArenaRows, rows);
}

absl::Status UnwindMaps::WritePages(uint32_t first, std::span<const abi::unwind_page> pages) {
  return Write(maps_[kPages].Get(), first, UNWIND_PAGES, pages);
}

absl::Status UnwindMaps::ReadPages(uint32_t first, std::span<abi::unwind_page> pages) const {
  return Read(maps_[kPages].Get(), first, UNWIND_PAGES, pages);
}

absl::Status UnwindMaps::WriteEscapes(uint32_t first, std::span<const abi::unwind_escape> escapes) {
  return Write(maps_[kEscapes].Get(), first, UNWIND_ESCAPES, escapes);
}

absl::Status UnwindMaps::WriteFile(uint32_t id, const abi::unwind_file& file) {
  if (id >= UNWIND_FILES) return absl::OutOfRangeError(absl::StrCat("file ", id));
  auto window = MapWindow::Open(maps_[kFiles].Get(), id * sizeof(file), sizeof(file), MapWindow::kWrite);
  if (!window.ok()) return window.status();
  auto* entry = static_cast<abi::unwind_file*>(window->Bytes());
  if (file.state == abi::UNWIND_FILE_READY) {
    __atomic_store_n(&entry->state, uint32_t{abi::UNWIND_FILE_PENDING}, __ATOMIC_SEQ_CST);
  } else {
    __atomic_store_n(&entry->state, file.state, __ATOMIC_SEQ_CST);
  }
  entry->first_page = file.first_page;
  entry->pages = file.pages;
  entry->first_escape = file.first_escape;
  entry->base_page = file.base_page;
  entry->escapes = file.escapes;
  __atomic_store_n(&entry->version, entry->version + 1, __ATOMIC_RELEASE);
  __atomic_store_n(&entry->state, file.state, __ATOMIC_RELEASE);
  return absl::OkStatus();
}

absl::Status UnwindMaps::MovePages(uint32_t id, uint32_t first_page) {
  if (id >= UNWIND_FILES) return absl::OutOfRangeError(absl::StrCat("file ", id));
  constexpr size_t kBytes = sizeof(abi::unwind_file);
  auto window = MapWindow::Open(maps_[kFiles].Get(), id * kBytes, kBytes, MapWindow::kWrite);
  if (!window.ok()) return window.status();
  __atomic_store_n(&static_cast<abi::unwind_file*>(window->Bytes())->first_page, first_page, __ATOMIC_RELEASE);
  return absl::OkStatus();
}

absl::StatusOr<abi::unwind_file_state> UnwindMaps::ReadFileState(uint32_t id) const {
  if (id >= UNWIND_FILES) return absl::OutOfRangeError(absl::StrCat("file ", id));
  constexpr size_t kBytes = sizeof(abi::unwind_file);
  auto window = MapWindow::Open(maps_[kFiles].Get(), id * kBytes, kBytes, MapWindow::kRead);
  if (!window.ok()) return window.status();
  const auto* file = static_cast<const abi::unwind_file*>(window->Bytes());
  return static_cast<abi::unwind_file_state>(__atomic_load_n(&file->state, __ATOMIC_ACQUIRE));
}

absl::Status UnwindMaps::ReadFileUses(std::span<uint32_t> uses) const {
  if (uses.size() > UNWIND_FILES) return absl::OutOfRangeError(absl::StrCat("files to ", uses.size()));
  if (uses.empty()) return absl::OkStatus();
  auto window = MapWindow::Open(maps_[kFiles].Get(), 0, uses.size() * sizeof(abi::unwind_file), MapWindow::kRead);
  if (!window.ok()) return window.status();
  const auto* files = static_cast<const abi::unwind_file*>(window->Bytes());
  for (size_t id = 0; id < uses.size(); ++id) uses[id] = __atomic_load_n(&files[id].uses, __ATOMIC_RELAXED);
  return absl::OkStatus();
}

absl::Status UnwindMaps::WriteMappings(uint32_t first, std::span<const abi::unwind_mapping> mappings) {
  // Lists are short and come with every new process: one system call is less than mapping the place, a page fault, and
  // unmapping it again.
  constexpr size_t kFew = 64;
  if (mappings.empty() || mappings.size() > kFew || first + mappings.size() > UNWIND_MAPPINGS) {
    return Write(maps_[kMappings].Get(), first, UNWIND_MAPPINGS, mappings);
  }
  std::array<uint32_t, kFew> places;
  std::iota(places.begin(), places.begin() + mappings.size(), first);
  auto count = static_cast<uint32_t>(mappings.size());
  int error = bpf_map_update_batch(maps_[kMappings].Get(), places.data(), mappings.data(), &count, nullptr);
  return error == 0 ? absl::OkStatus() : LibbpfError("cannot write mappings", error);
}

absl::Status UnwindMaps::SetProcess(uint32_t tgid, const abi::unwind_process& process) {
  int error = bpf_map_update_elem(maps_[kProcesses].Get(), &tgid, &process, BPF_ANY);
  if (error == -E2BIG) return absl::ResourceExhaustedError("the map of processes is full");
  return error == 0 ? absl::OkStatus() : LibbpfError("cannot tell the kernel side of a process", error);
}

absl::Status UnwindMaps::EraseProcess(uint32_t tgid) {
  int error = bpf_map_delete_elem(maps_[kProcesses].Get(), &tgid);
  bool is_gone = error == 0 || error == -ENOENT;
  return is_gone ? absl::OkStatus() : LibbpfError("cannot forget a process on the kernel side", error);
}

absl::Status UnwindMaps::GiveTo(bpf_object* object) const {
  for (size_t i = 0; i < kShapes.size(); ++i) {
    bpf_map* map = bpf_object__find_map_by_name(object, kShapes[i].name);
    if (map == nullptr) continue;
    if (absl::Status status = CheckShape(map, kShapes[i]); !status.ok()) return status;
    if (int error = bpf_map__reuse_fd(map, maps_[i].Get()); error != 0) {
      return LibbpfError(absl::StrCat("cannot share the map ", kShapes[i].name), error);
    }
  }
  return absl::OkStatus();
}

int UnwindMaps::Fd(std::string_view name) const {
  for (size_t i = 0; i < kShapes.size(); ++i) {
    if (name == kShapes[i].name) return maps_[i].Get();
  }
  return -1;
}

uint64_t UnwindMaps::Bytes() const {
  uint64_t bytes = 0;
  for (const base::UniqueFd& map : maps_) bytes += MapBytes(map.Get()).value_or(0);
  // All arenas are alike, and the spare one becomes the first of them.
  return bytes + std::max(Arenas(), uint32_t{1}) * uint64_t{UNWIND_BLOCKS_PER_ARENA} * sizeof(abi::unwind_block);
}

}  // namespace sonde::kernel
