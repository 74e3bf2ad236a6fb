// Runs code that it made itself, as compilers at run time do: prints its address and size, then spins in it.
// usage: jit_spinner SECONDS [FOLDER]      (with a folder it writes FOLDER/jit-PID.dump, as compilers do for perf)

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

namespace {

void Put(std::FILE* file, uint32_t value) { std::fwrite(&value, sizeof(value), 1, file); }
void PutLong(std::FILE* file, uint64_t value) { std::fwrite(&value, sizeof(value), 1, file); }

// That the code at `address` is of line 42 of a file, and from the loop on of line 43.
void PutLines(std::FILE* file, uint64_t address) {
  constexpr char kFile[] = "/app/made.js";
  constexpr char kSameFile[] = "\xff";
  Put(file, 2);
  Put(file, static_cast<uint32_t>(16 + 16 + 16 + sizeof(kFile) + 16 + sizeof(kSameFile)));
  PutLong(file, 0);
  for (uint64_t word : {address, uint64_t{2}, address}) PutLong(file, word);
  for (uint32_t word : {42, 0}) Put(file, word);
  std::fwrite(kFile, sizeof(kFile), 1, file);
  PutLong(file, address + 9);
  for (uint32_t word : {43, 0}) Put(file, word);
  std::fwrite(kSameFile, sizeof(kSameFile), 1, file);
}

// A jitdump with one piece of code; mapping it as code says where it is.
bool WriteDump(const char* folder, const void* code, size_t size) {
  constexpr char kName[] = "dumped::at_run_time";
  const std::string path = std::string(folder) + "/jit-" + std::to_string(::getpid()) + ".dump";
  std::FILE* file = std::fopen(path.c_str(), "w+");
  if (file == nullptr) return false;
  const auto pid = static_cast<uint32_t>(::getpid());
  for (uint32_t word : {0x4A695444U, 1U, 40U, 62U, 0U, pid}) Put(file, word);
  for (uint64_t word : {0, 0}) PutLong(file, word);
  const auto address = reinterpret_cast<uint64_t>(code);
  PutLines(file, address);
  Put(file, 0);
  Put(file, static_cast<uint32_t>(16 + 40 + sizeof(kName) + size));
  PutLong(file, 0);
  Put(file, pid);
  Put(file, pid);
  for (uint64_t word : {address, address, uint64_t{size}, uint64_t{1}}) PutLong(file, word);
  std::fwrite(kName, sizeof(kName), 1, file);
  std::fwrite(code, size, 1, file);
  std::fflush(file);
  return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, ::fileno(file), 0) != MAP_FAILED;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) return 2;
  // push rbp; mov rbp, rsp; mov ecx, 10000000; dec ecx; jnz -4; pop rbp; ret
  constexpr std::array<uint8_t, 15> kCode = {0x55, 0x48, 0x89, 0xe5, 0xb9, 0x80, 0x96, 0x98,
                                             0x00, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3};
  void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  std::memcpy(memory, kCode.data(), kCode.size());
  if (argc == 3 && !WriteDump(argv[2], memory, kCode.size())) return 1;
  std::printf("%lx %zx\n", reinterpret_cast<unsigned long>(memory), kCode.size());
  std::fflush(stdout);
  void (*spin)() = nullptr;
  std::memcpy(&spin, &memory, sizeof(spin));
  for (const time_t end = std::time(nullptr) + std::atoi(argv[1]); std::time(nullptr) < end;) spin();
  return 0;
}
