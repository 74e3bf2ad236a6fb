// stack_shapes SHAPE SECONDS: keeps a CPU busy with stacks of one shape.
#include <alloca.h>
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <coroutine>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

volatile uint64_t sink = 0;

__attribute__((noinline)) void Work(int rounds) {
  for (int i = 0; i < rounds; ++i) sink = sink * 31 + static_cast<uint64_t>(i);
}

__attribute__((noinline)) int Recurse(int depth) {
  if (depth == 0) {
    Work(2'000);
    return 1;
  }
  const int below = Recurse(depth - 1);
  return below + static_cast<int>(sink & 1);
}

__attribute__((noinline)) void Throw(int depth) {
  if (depth == 0) throw std::runtime_error("thrown");
  Throw(depth - 1);
  Work(1);
}

void Exceptions() {
  try {
    Throw(12);
  } catch (const std::runtime_error&) {
    Work(200);
  }
}

struct Generator {
  struct promise_type {
    int value = 0;
    Generator get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(int next) {
      value = next;
      return {};
    }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

Generator Numbers(int count) {
  for (int i = 0; i < count; ++i) {
    Work(500);
    co_yield i;
  }
}

void Coroutines() {
  Generator numbers = Numbers(50);
  while (!numbers.handle.done()) numbers.handle.resume();
  numbers.handle.destroy();
}

__attribute__((noinline)) void Alloca(size_t bytes) {
  auto* memory = static_cast<char*>(alloca(bytes));
  std::memset(memory, static_cast<int>(bytes), bytes);
  Work(300);
  sink = sink + static_cast<uint64_t>(memory[bytes / 2]);
}

__attribute__((noinline)) void LargeFrame() {
  volatile char memory[60'000];
  memory[17] = 1;
  Work(300);
  sink = sink + static_cast<uint64_t>(memory[17]);
}

void Allocas() {
  for (size_t bytes = 16; bytes < 9'000; bytes += 977) Alloca(bytes);
  LargeFrame();
}

void OnSignal(int) { Work(3'000); }

void Signals() {
  static const bool is_set = [] {
    static char other_stack[1 << 16];
    stack_t stack{};
    stack.ss_sp = other_stack;
    stack.ss_size = sizeof(other_stack);
    sigaltstack(&stack, nullptr);
    struct sigaction action {};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, nullptr);
    action.sa_flags = 0;
    sigaction(SIGALRM, &action, nullptr);
    itimerval often{{0, 1'000}, {0, 1'000}};
    setitimer(ITIMER_REAL, &often, nullptr);
    return true;
  }();
  sink = sink + is_set;
  raise(SIGUSR1);
  Work(2'000);
}

void Vdso() {
  timespec now{};
  for (int i = 0; i < 1'000; ++i) {
    clock_gettime(CLOCK_MONOTONIC, &now);
    sink = sink + static_cast<uint64_t>(now.tv_nsec);
  }
}

ucontext_t main_context, other_context;

void OtherStack() {
  for (;;) {
    Recurse(20);
    swapcontext(&other_context, &main_context);
  }
}

void Contexts() {
  static const bool is_set = [] {
    static char stack[1 << 18];
    getcontext(&other_context);
    other_context.uc_stack.ss_sp = stack;
    other_context.uc_stack.ss_size = sizeof(stack);
    makecontext(&other_context, OtherStack, 0);
    return true;
  }();
  sink = sink + is_set;
  swapcontext(&main_context, &other_context);
  Work(500);
}

void Libraries() {
  void* library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "stack_shapes: %s\n", dlerror());
    std::exit(1);
  }
  using Checksum = unsigned long (*)(unsigned long, const unsigned char*, unsigned);
  auto checksum = reinterpret_cast<Checksum>(dlsym(library, "crc32"));
  static unsigned char bytes[1 << 16];
  for (int i = 0; i < 200; ++i) sink = sink + checksum(0, bytes, sizeof(bytes));
  dlclose(library);
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, std::function<void()>> shapes = {
      {"deep", [] { Recurse(300); }}, {"exceptions", Exceptions},
      {"coroutines", Coroutines},     {"alloca", Allocas},
      {"signals", Signals},           {"vdso", Vdso},
      {"contexts", Contexts},         {"dlopen", Libraries},
  };
  const auto shape = argc == 3 ? shapes.find(argv[1]) : shapes.end();
  if (shape == shapes.end()) {
    std::fprintf(stderr, "usage: stack_shapes SHAPE SECONDS\nSHAPE is one of:");
    for (const auto& [name, work] : shapes) std::fprintf(stderr, " %s", name.c_str());
    std::fprintf(stderr, "\n");
    return 2;
  }
  for (const time_t end = time(nullptr) + std::atoi(argv[2]); time(nullptr) < end;) shape->second();
  return 0;
}
