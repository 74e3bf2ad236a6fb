// deep_spinner DEPTH MILLISECONDS: computes for that long under DEPTH frames of its own, without frame pointers, and
// prints how many rounds of work it did.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace {

using Clock = std::chrono::steady_clock;

volatile uint64_t sink = 1;

[[gnu::noinline]] uint64_t spin(Clock::time_point end) {
  uint64_t rounds = 0;
  for (; Clock::now() < end; ++rounds) {
    for (int i = 0; i < 20'000; ++i) sink = sink * 6364136223846793005U + 1442695040888963407U;
  }
  return rounds;
}

[[gnu::noinline]] uint64_t descend(int depth, Clock::time_point end) {
  // What is kept across the call makes the frame one of several words.
  const uint64_t before = sink;
  const uint64_t rounds = depth > 1 ? descend(depth - 1, end) : spin(end);
  sink = sink + before;
  return rounds;
}

}  // namespace

int main(int argc, char** argv) {
  const int depth = argc == 3 ? std::atoi(argv[1]) : 0;
  const int milliseconds = argc == 3 ? std::atoi(argv[2]) : 0;
  if (depth < 1 || depth > 1'000 || milliseconds < 1) {
    std::fprintf(stderr, "usage: deep_spinner DEPTH MILLISECONDS\n");
    return 2;
  }
  std::printf("%llu\n",
              static_cast<unsigned long long>(descend(depth, Clock::now() + std::chrono::milliseconds(milliseconds))));
}
