// Runs code that it made itself, as compilers at run time do: prints its address and size, then spins in it.
// usage: jit_spinner SECONDS

#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  // push rbp; mov rbp, rsp; mov ecx, 10000000; dec ecx; jnz -4; pop rbp; ret
  constexpr std::array<uint8_t, 15> kCode = {0x55, 0x48, 0x89, 0xe5, 0xb9, 0x80, 0x96, 0x98,
                                             0x00, 0xff, 0xc9, 0x75, 0xfc, 0x5d, 0xc3};
  void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  std::memcpy(memory, kCode.data(), kCode.size());
  std::printf("%lx %zx\n", reinterpret_cast<unsigned long>(memory), kCode.size());
  std::fflush(stdout);
  void (*spin)() = nullptr;
  std::memcpy(&spin, &memory, sizeof(spin));
  for (const time_t end = std::time(nullptr) + std::atoi(argv[1]); std::time(nullptr) < end;) spin();
  return 0;
}
