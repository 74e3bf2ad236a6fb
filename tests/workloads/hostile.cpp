// hostile HOW: does to its own memory what no decent program does, until it is killed. HOW:
//   scribbles    overwrites its callers' frames with noise, addresses of the kernel, and rings, and computes under them
//   remaps       maps, changes and unmaps executable memory as fast as it can, beside a thread that runs in such memory
//   replaced     runs from a file whose name is a FIFO now: whoever opens it by name waits for ever
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

namespace {

constexpr size_t kPageBytes = 4'096;
volatile uint64_t sink = 1;

[[gnu::noinline]] void spin(int rounds) {
  for (int i = 0; i < rounds; ++i) sink = sink * 6364136223846793005U + 1;
}

// What lies above is never returned to.
[[noreturn, gnu::noinline]] void scribble(uint64_t* frame) {
  constexpr size_t kWords = 2'000;
  std::mt19937_64 random(1);
  for (unsigned round = 0;; ++round) {
    for (size_t i = 0; i < kWords; ++i) {
      const uint64_t noise = random();
      const uint64_t ring = reinterpret_cast<uint64_t>(frame + noise % kWords);
      const uint64_t kernel = 0xffffffff81000000U | (noise & 0xffffff);
      const uint64_t choices[] = {noise, ring, kernel, reinterpret_cast<uint64_t>(&spin) + noise % 64};
      frame[i] = choices[round % 5 < 4 ? round % 5 : noise % 4];
    }
    spin(2'000'000);
  }
}

[[noreturn, gnu::noinline]] void call_scribble() { scribble(static_cast<uint64_t*>(__builtin_frame_address(0))); }

// Leaves room above the frame that is overwritten first.
[[noreturn]] void scribbles() {
  constexpr size_t kRoomBytes = size_t{64} << 10;
  void* room = __builtin_alloca(kRoomBytes);
  asm volatile("" : : "r"(room) : "memory");  // it is wanted
  call_scribble();
}

// jmp to itself.
void* executable_loop() {
  void* code = ::mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::memcpy(code, "\xEB\xFE", 2);
  ::mprotect(code, kPageBytes, PROT_READ | PROT_EXEC);
  return code;
}

[[noreturn]] void remaps() {
  std::thread([] { reinterpret_cast<void (*)()>(executable_loop())(); }).detach();
  const int self = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  for (unsigned round = 0;; ++round) {
    const bool is_file = round % 2 == 0;
    void* code = ::mmap(nullptr, 4 * kPageBytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | (is_file ? 0 : MAP_ANONYMOUS),
                        is_file ? self : -1, static_cast<off_t>(round % 3 * kPageBytes));
    ::mprotect(static_cast<char*>(code) + kPageBytes, kPageBytes, PROT_READ);
    // In two parts, of any size.
    const size_t first_bytes = (1 + round % 3) * kPageBytes;
    ::munmap(code, first_bytes);
    if (round % 1'000 == 0) spin(20'000'000);
    ::munmap(static_cast<char*>(code) + first_bytes, 4 * kPageBytes - first_bytes);
  }
}

[[noreturn]] void replaced() {
  const std::string path = std::filesystem::read_symlink("/proc/self/exe").string();
  ::unlink(path.c_str());
  if (::mkfifo(path.c_str(), 0600) != 0) std::perror("mkfifo");
  for (;;) spin(1'000'000);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc == 2 ? argv[1] : "";
  if (how == "scribbles") scribbles();
  if (how == "remaps") remaps();
  if (how == "replaced") replaced();
  std::fprintf(stderr, "usage: hostile scribbles|remaps|replaced\n");
  return 2;
}
