// What the matrix's guest is busy with: in one process, and until killed or SECONDS have passed, a thread that spins and
// sleeps and touches fresh memory, two that pass a byte to and fro through pipes, and one whose children live for a moment only.
// Static and with frame pointers; the verdict looks for these names in what the agent recorded.
// usage: guest_load SECONDS
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static int to_pong[2];
static int to_ping[2];

static double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_milliseconds(long ms) {
  struct timespec t = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

__attribute__((noinline)) static uint64_t spin_on_cpu(double seconds) {
  volatile uint64_t rounds = 0;
  for (double end = now_seconds() + seconds; now_seconds() < end;) {
    for (int i = 0; i < 100000; ++i) rounds = rounds + 1;
  }
  return rounds;
}

__attribute__((noinline)) static void sleep_in_kernel(void) { sleep_milliseconds(300); }

// A hundred pages, fewer than a huge one has.
__attribute__((noinline)) static void touch_fresh_pages(void) {
  const size_t page = 4096, bytes = 100 * page;
  char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) exit(1);
  for (size_t at = 0; at < bytes; at += page) ((volatile char *)start)[at] = 1;
  munmap(start, bytes);
}

static void pass_byte(int from, int to) {
  char byte = 0;
  if (read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1) exit(1);
}

static void *ping(void *unused) {
  for (;;) {
    pass_byte(to_ping[0], to_pong[1]);
    sleep_milliseconds(2);
  }
  return unused;
}

static void *pong(void *unused) {
  for (;;) pass_byte(to_pong[0], to_ping[1]);
  return unused;
}

static void *live_for_a_moment(void *unused) { return unused; }

static void *churn(void *unused) {
  for (;;) {
    pthread_t child;
    if (pthread_create(&child, NULL, live_for_a_moment, NULL) != 0) exit(1);
    pthread_join(child, NULL);
    sleep_milliseconds(10);
  }
  return unused;
}

static void start(void *(*body)(void *)) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, body, NULL) != 0) {
    perror("guest_load: pthread_create");
    exit(1);
  }
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? atof(argv[1]) : 10;
  if (pipe(to_pong) != 0 || pipe(to_ping) != 0 || write(to_ping[1], "x", 1) != 1) {
    perror("guest_load: pipe");
    return 1;
  }
  start(ping);
  start(pong);
  start(churn);
  for (double end = now_seconds() + seconds; now_seconds() < end;) {
    spin_on_cpu(0.4);
    sleep_in_kernel();
    touch_fresh_pages();
  }
  return 0;
}
