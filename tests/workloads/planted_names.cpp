// Spends its time in functions whose names and lines a profile must tell: a function inlined into a template's member,
// that a lambda calls.
// usage: planted_names SECONDS

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace planted {

[[gnu::always_inline]] inline uint64_t FoldInlined(uint64_t value) {
  for (int step = 0; step < 64; ++step) {
    value = (value ^ (value >> 29)) * 0x9e3779b97f4a7c15 + 1;  // line of FoldInlined
  }
  return value;
}

template <typename Number>
struct Cruncher {
  [[gnu::noinline]] Number Crunch(Number seed) {
    for (int turn = 0; turn < 4'096; ++turn) {
      seed = FoldInlined(seed);  // line of Crunch
    }
    return seed;
  }
};

}  // namespace planted

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  planted::Cruncher<uint64_t> cruncher;
  const auto spin = [&cruncher](uint64_t seed) __attribute__((noinline)) {
    for (int turn = 0; turn < 16; ++turn) seed = cruncher.Crunch(seed);  // line of the lambda
    return seed;
  };
  uint64_t seed = 1;
  for (const time_t end = std::time(nullptr) + std::atoi(argv[1]); std::time(nullptr) < end;) seed = spin(seed);
  return seed == 0 ? 1 : 0;
}
