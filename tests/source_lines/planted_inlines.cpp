// A program of many inlined calls, for comparing how readers of debug information understand it: templates, lambdas,
// local classes, forced inlining through several levels, functions split into hot and cold parts.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

namespace planted {
namespace {

[[gnu::always_inline]] inline int Innermost(int value) { return value * 3 + value / 7; }
[[gnu::always_inline]] inline int Middle(int value) {
  int sum = 0;
  for (int i = 0; i < value % 13; ++i) sum += Innermost(sum + i);
  return sum;
}
[[gnu::always_inline]] inline int Outer(int value) { return Middle(value) + Middle(value + 1); }

}  // namespace

template <typename T, int kDepth>
struct Tower {
  [[gnu::always_inline]] static T Climb(T value) { return Tower<T, kDepth - 1>::Climb(value + kDepth) + value; }
};
template <typename T>
struct Tower<T, 0> {
  static T Climb(T value) { return value; }
};

class Shape {
 public:
  virtual ~Shape() = default;
  virtual double Area() const = 0;
};
class Square : public Shape {
 public:
  explicit Square(double side) : side_(side) {}
  double Area() const override;

 private:
  double side_;
};
double Square::Area() const { return side_ * side_; }

[[gnu::noinline]] int WithLocalClass(int value) {
  struct Local {
    [[gnu::noinline]] int Work(int by) const { return base * Outer(by); }
    int base;
  };
  return Local{value}.Work(value + 2);
}

[[gnu::noinline]] int WithLambdas(std::vector<int>* values) {
  std::sort(values->begin(), values->end(), [](int a, int b) { return Innermost(a) < Innermost(b); });
  std::function<int(int)> recursive = [&](int depth) {
    return depth == 0 ? Outer(static_cast<int>(values->size())) : recursive(depth - 1) + Middle(depth);
  };
  return recursive(5);
}

[[gnu::noinline]] int MayThrow(int value) {
  if (value % 1000 == 999) throw std::runtime_error("value " + std::to_string(value));
  try {
    if (value % 100 == 99) throw value;
  } catch (int caught) {
    return Outer(caught);
  }
  return Middle(value);
}

}  // namespace planted

extern "C" [[gnu::noinline]] int plain_c_name(int value) {
  int sum = 0;
  switch (value % 5) {
    case 0:
      sum += planted::Tower<int, 5>::Climb(value);
      break;
    case 1:
      sum += static_cast<int>(planted::Tower<double, 9>::Climb(value));
      break;
    default:
      sum += static_cast<int>(planted::Tower<long, 3>::Climb(value));
  }
  return sum;
}

int main(int count, char**) {
  std::vector<int> values(100 + count);
  std::iota(values.begin(), values.end(), count);
  std::map<std::string, std::unique_ptr<planted::Shape>> shapes;
  for (int i = 0; i < 10; ++i) shapes[std::to_string(i)] = std::make_unique<planted::Square>(i);
  double area = 0;
  for (const auto& [name, shape] : shapes) area += shape->Area() + static_cast<double>(name.size());
  int sum =
      planted::WithLocalClass(count) + planted::WithLambdas(&values) + planted::MayThrow(count) + plain_c_name(count);
  std::printf("%d %f\n", sum, area);
  return 0;
}
