// Compiled in several ways it is what the fuzzer of debug information begins with: small, with calls inlined twice over.
static inline __attribute__((always_inline)) int inner(int value) { return value * 3 + value / 7; }
static inline __attribute__((always_inline)) int middle(int value) { return inner(value) + inner(value + 1); }
struct pair {
  int first, second;
};
int outer(const struct pair* pair, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += middle(pair[i].first) - pair[i].second;
  return sum;
}
__attribute__((cold)) int seldom(int value) { return middle(value) + 1; }
