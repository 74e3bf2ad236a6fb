#include "libdw_oracle.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include <cstdlib>
#include <utility>
#include <vector>

namespace sonde::cfi_rows {
namespace {

constexpr int kRbp = 6;
constexpr int kRsp = 7;

// A DWARF expression as libdw gives it, calculated. Empty: an operation that CFI has no use for.
class Calculator {
 public:
  Calculator(const ArbitraryMachine& machine, std::optional<uint64_t> cfa) : machine_(machine), cfa_(cfa) {}

  struct Result {
    uint64_t value = 0;
    bool is_value = false;  // not an address
  };

  std::optional<Result> Run(std::span<const Dwarf_Op> ops) {
    bool is_value = false;
    for (const Dwarf_Op& op : ops) {
      if (op.atom == DW_OP_stack_value) {
        is_value = true;
      } else if (!Step(op)) {
        return std::nullopt;
      }
    }
    if (stack_.empty()) return std::nullopt;
    return Result{stack_.back(), is_value || is_register_};
  }

 private:
  bool Push(uint64_t value) {
    stack_.push_back(value);
    return true;
  }
  bool PushRegister(uint64_t number, uint64_t offset) {
    return number < machine_.registers.size() && Push(machine_.registers[number] + offset);
  }
  uint64_t Pop() {
    uint64_t value = stack_.back();
    stack_.pop_back();
    return value;
  }

  bool Step(const Dwarf_Op& op) {
    if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) return Push(op.atom - DW_OP_lit0);
    if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) return PushRegister(op.atom - DW_OP_breg0, op.number);
    if (op.atom >= DW_OP_reg0 && op.atom <= DW_OP_reg31) {
      is_register_ = true;
      return PushRegister(op.atom - DW_OP_reg0, 0);
    }
    switch (op.atom) {
      case DW_OP_regx:
        is_register_ = true;
        return PushRegister(op.number, 0);
      case DW_OP_bregx:
        return PushRegister(op.number, op.number2);
      case DW_OP_call_frame_cfa:
        return cfa_ && Push(*cfa_);
      case DW_OP_addr:
      case DW_OP_const1u:
      case DW_OP_const1s:
      case DW_OP_const2u:
      case DW_OP_const2s:
      case DW_OP_const4u:
      case DW_OP_const4s:
      case DW_OP_const8u:
      case DW_OP_const8s:
      case DW_OP_constu:
      case DW_OP_consts:
        return Push(op.number);
      case DW_OP_nop:
        return true;
      default:
        return !stack_.empty() && StepOnOne(op);
    }
  }

  bool StepOnOne(const Dwarf_Op& op) {
    switch (op.atom) {
      case DW_OP_deref:
        return Push(machine_.Load(Pop()));
      case DW_OP_plus_uconst:
        return Push(Pop() + op.number);
      case DW_OP_dup:
        return Push(stack_.back());
      case DW_OP_neg:
        return Push(0 - Pop());
      default:
        return stack_.size() >= 2 && StepOnTwo(op);
    }
  }

  bool StepOnTwo(const Dwarf_Op& op) {
    uint64_t top = Pop();
    uint64_t below = Pop();
    switch (op.atom) {
      case DW_OP_plus:
        return Push(below + top);
      case DW_OP_minus:
        return Push(below - top);
      case DW_OP_mul:
        return Push(below * top);
      case DW_OP_and:
        return Push(below & top);
      case DW_OP_or:
        return Push(below | top);
      case DW_OP_shl:
        return Push(top < 64 ? below << top : 0);
      case DW_OP_shr:
        return Push(top < 64 ? below >> top : 0);
      case DW_OP_ge:
        return Push(static_cast<int64_t>(below) >= static_cast<int64_t>(top) ? 1 : 0);
      case DW_OP_lt:
        return Push(static_cast<int64_t>(below) < static_cast<int64_t>(top) ? 1 : 0);
      default:
        return false;
    }
  }

  const ArbitraryMachine& machine_;
  std::optional<uint64_t> cfa_;
  bool is_register_ = false;
  std::vector<uint64_t> stack_;
};

struct RegisterAnswer {
  enum class Kind { kValue, kSame, kUndefined, kUnusable } kind = Kind::kUnusable;
  uint64_t value = 0;
};

RegisterAnswer CallersRegister(Dwarf_Frame* frame, int number, const ArbitraryMachine& machine, uint64_t cfa) {
  using Kind = RegisterAnswer::Kind;
  Dwarf_Op memory[3];
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_register(frame, number, memory, &ops, &count) != 0) return {};
  if (count == 0) return {ops == nullptr ? Kind::kSame : Kind::kUndefined, 0};
  auto result = Calculator(machine, cfa).Run({ops, count});
  if (!result) return {};
  return {Kind::kValue, result->is_value ? result->value : machine.Load(result->value)};
}

// False: not to be calculated.
bool Calculate(Dwarf_Frame* frame, int return_column, const ArbitraryMachine& machine, WalkedFrame* walked) {
  using Kind = RegisterAnswer::Kind;
  RegisterAnswer ra = CallersRegister(frame, return_column, machine, 0);
  if (ra.kind == Kind::kUndefined) {
    walked->is_bottom = true;
    return true;
  }
  Dwarf_Op* ops = nullptr;
  size_t count = 0;
  if (dwarf_frame_cfa(frame, &ops, &count) != 0 || count == 0) return false;
  auto cfa = Calculator(machine, std::nullopt).Run({ops, count});
  if (!cfa) return false;
  walked->cfa = cfa->value;
  ra = CallersRegister(frame, return_column, machine, cfa->value);
  RegisterAnswer rbp = CallersRegister(frame, kRbp, machine, cfa->value);
  RegisterAnswer rsp = CallersRegister(frame, kRsp, machine, cfa->value);
  if (ra.kind != Kind::kValue || rbp.kind == Kind::kUnusable) return false;
  // The walker takes the CFA for the caller's rsp.
  if (rsp.kind != Kind::kValue || rsp.value != cfa->value) return false;
  walked->return_address = ra.value;
  walked->rbp = rbp.kind == Kind::kSame ? machine.registers[kRbp] : rbp.value;
  walked->knows_rbp = rbp.kind != Kind::kUndefined;
  return true;
}

}  // namespace

struct LibdwOracle::Handles {
  Elf* elf = nullptr;
  Dwarf* dwarf = nullptr;
  Dwarf_CFI* eh_frame = nullptr;
  Dwarf_CFI* debug_frame = nullptr;

  explicit Handles(Elf* opened) : elf(opened) {
    eh_frame = dwarf_getcfi_elf(elf);
    dwarf = dwarf_begin_elf(elf, DWARF_C_READ, nullptr);
    if (dwarf != nullptr) debug_frame = dwarf_getcfi(dwarf);
  }
  ~Handles() {
    if (eh_frame != nullptr) dwarf_cfi_end(eh_frame);
    if (dwarf != nullptr) dwarf_end(dwarf);  // frees debug_frame
    elf_end(elf);
  }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;
};

LibdwOracle::LibdwOracle(std::unique_ptr<Handles> handles) : handles_(std::move(handles)) {}
LibdwOracle::~LibdwOracle() = default;

std::unique_ptr<LibdwOracle> LibdwOracle::OpenFile(int fd) {
  elf_version(EV_CURRENT);
  Elf* elf = elf_begin(fd, ELF_C_READ_MMAP, nullptr);
  if (elf == nullptr) return nullptr;
  return std::unique_ptr<LibdwOracle>(new LibdwOracle(std::make_unique<Handles>(elf)));
}

std::unique_ptr<LibdwOracle> LibdwOracle::OpenMemory(std::span<std::byte> image) {
  elf_version(EV_CURRENT);
  Elf* elf = elf_memory(reinterpret_cast<char*>(image.data()), image.size());
  if (elf == nullptr) return nullptr;
  return std::unique_ptr<LibdwOracle>(new LibdwOracle(std::make_unique<Handles>(elf)));
}

OracleFrame LibdwOracle::At(uint64_t vaddr, const ArbitraryMachine& machine) const {
  OracleFrame answer;
  for (Dwarf_CFI* cfi : {handles_->eh_frame, handles_->debug_frame}) {
    Dwarf_Frame* frame = nullptr;
    if (cfi == nullptr) continue;
    if (dwarf_cfi_addrframe(cfi, vaddr, &frame) != 0) {
      const char* error = dwarf_errmsg(-1);
      if (std::string_view(error) == "no matching address range") continue;
      answer.kind = OracleFrame::Kind::kUnusable;
      answer.error = error;
      return answer;
    }
    answer.is_of_debug_frame = cfi == handles_->debug_frame;
    bool is_signal = false;
    int column = dwarf_frame_info(frame, &answer.begin, &answer.end, &is_signal);
    bool is_known = column >= 0 && Calculate(frame, column, machine, &answer.frame);
    answer.kind = is_known ? OracleFrame::Kind::kFrame : OracleFrame::Kind::kUnusable;
    if (!is_known) answer.error = "not to be calculated";
    std::free(frame);
    return answer;
  }
  return answer;
}

}  // namespace sonde::cfi_rows
