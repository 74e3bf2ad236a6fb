#include "tests/oracle/libdw_unwinder.h"

#include <elfutils/libdwfl.h>
#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"

namespace sonde::oracle {
namespace {

const Dwfl_Callbacks kModules = {.find_elf = dwfl_linux_proc_find_elf,
                                 .find_debuginfo = dwfl_standard_find_debuginfo,
                                 .section_address = nullptr,
                                 .debuginfo_path = nullptr};

}  // namespace

struct Callbacks {
  static pid_t NextThread(Dwfl*, void* self, void** thread) {
    const bool is_first = *thread == nullptr;
    *thread = self;
    return is_first ? static_cast<pid_t>(static_cast<LibdwUnwinder*>(self)->instant_->tid) : 0;
  }

  static bool GetThread(Dwfl*, pid_t, void* self, void** thread) {
    *thread = self;
    return true;
  }

  static bool ReadMemory(Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* self) {
    auto* unwinder = static_cast<LibdwUnwinder*>(self);
    const Instant& instant = *unwinder->instant_;
    const uint64_t offset = address - instant.registers[UNWIND_RSP];
    if (offset > instant.stack.size() || instant.stack.size() - offset < sizeof(*result)) {
      unwinder->needs_more_stack_ = true;
      return false;
    }
    std::memcpy(result, instant.stack.data() + offset, sizeof(*result));
    return true;
  }

  static bool SetRegisters(Dwfl_Thread* thread, void* self) {
    std::array<Dwarf_Word, UNWIND_REGISTERS + 1> registers;
    std::ranges::copy(static_cast<LibdwUnwinder*>(self)->instant_->registers, registers.begin());
    return dwfl_thread_state_registers(thread, 0, registers.size(), registers.data());
  }

  struct Visit {
    LibdwUnwinder* unwinder;
    Truth* truth;
    bool is_last_without_cfi = false;
  };
  static int OnFrame(Dwfl_Frame* frame, void* visit) {
    Dwarf_Addr pc = 0;
    bool is_activation = false;
    if (!dwfl_frame_pc(frame, &pc, &is_activation)) return DWARF_CB_ABORT;
    auto* visitor = static_cast<Visit*>(visit);
    LibdwUnwinder* unwinder = visitor->unwinder;
    Truth* truth = visitor->truth;
    if (pc == 0) return DWARF_CB_OK;  // what the outermost frame would return to
    truth->is_guess = truth->is_guess || visitor->is_last_without_cfi;
    truth->frames.push_back(unwinder->PlaceOf(is_activation ? pc : pc - 1));
    visitor->is_last_without_cfi = !unwinder->HasCfi(is_activation ? pc : pc - 1);
    return DWARF_CB_OK;
  }
};

LibdwUnwinder::~LibdwUnwinder() { dwfl_end(dwfl_); }

Place LibdwUnwinder::PlaceOf(uint64_t address) const {
  for (const process::MapLine& mapping : code_) {
    if (address < mapping.start || address >= mapping.limit) continue;
    if (mapping.inode == 0) return {0, address, mapping.name};
    return {mapping.inode, address - mapping.start + mapping.file_offset, mapping.name};
  }
  return {0, address, "?"};
}

uint64_t LibdwUnwinder::VdsoStart() const {
  auto vdso = std::ranges::find(code_, "[vdso]", &process::MapLine::name);
  return vdso != code_.end() ? vdso->start : 0;
}

bool LibdwUnwinder::HasCfi(uint64_t address) const {
  Dwfl_Module* module = dwfl_addrmodule(dwfl_, address);
  if (module == nullptr) return false;
  for (auto cfi_of : {dwfl_module_eh_cfi, dwfl_module_dwarf_cfi}) {
    Dwarf_Addr bias = 0;
    Dwarf_CFI* cfi = cfi_of(module, &bias);
    Dwarf_Frame* frame = nullptr;
    if (cfi == nullptr || dwarf_cfi_addrframe(cfi, address - bias, &frame) != 0) continue;
    std::free(frame);
    return true;
  }
  return false;
}

bool LibdwUnwinder::Refresh() {
  constexpr size_t kMostLines = 65'536;
  const base::UniqueFd file(::open(("/proc/" + std::to_string(pid_) + "/maps").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.IsValid()) return false;
  auto maps = process::ReadMemoryMap(file.Get(), kMostLines);
  if (!maps.ok() || maps->executable.empty()) return false;
  std::vector<process::MapLine> code = std::move(maps->executable);
  const bool is_same = dwfl_ != nullptr && std::ranges::equal(code, code_, [](const auto& a, const auto& b) {
                         return a.start == b.start && a.limit == b.limit && a.inode == b.inode;
                       });
  if (is_same) return true;
  code_ = std::move(code);
  return Attach();
}

bool LibdwUnwinder::Attach() {
  static const Dwfl_Thread_Callbacks kThreads = {.next_thread = Callbacks::NextThread,
                                                 .get_thread = Callbacks::GetThread,
                                                 .memory_read = Callbacks::ReadMemory,
                                                 .set_initial_registers = Callbacks::SetRegisters,
                                                 .detach = nullptr,
                                                 .thread_detach = nullptr};
  dwfl_end(dwfl_);
  dwfl_ = dwfl_begin(&kModules);
  return dwfl_ != nullptr && dwfl_linux_proc_report(dwfl_, pid_) == 0 &&
         dwfl_report_end(dwfl_, nullptr, nullptr) == 0 && dwfl_attach_state(dwfl_, nullptr, pid_, &kThreads, this);
}

std::optional<Truth> LibdwUnwinder::Unwind(const Instant& instant) {
  instant_ = &instant;
  needs_more_stack_ = false;
  if (!Refresh()) return std::nullopt;
  Truth truth;
  Callbacks::Visit visit{this, &truth};
  const int end = dwfl_getthread_frames(dwfl_, static_cast<pid_t>(instant.tid), Callbacks::OnFrame, &visit);
  if (end != 0) truth.error = dwfl_errmsg(-1);
  truth.needs_more_stack = needs_more_stack_;
  return truth;
}

}  // namespace sonde::oracle
