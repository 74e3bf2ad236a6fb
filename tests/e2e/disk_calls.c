// Preloaded into a program that keeps files in the folder SONDE_DISK_CALLS_BELOW: numbers its calls that change these files, and
// those that sync them. SONDE_KILL_AT=N: SIGKILL instead of the Nth. SONDE_DISK_CALLS_LOG=FILE: each is written there with its
// bytes, a sync when it is over, beside what the program says on standard output; spool_disk.py reads it. One call at a time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST_FDS 1024

struct call {
  char what;  // Folder, Open, Close, Write, Truncate, Allocate, Sync, Rename, Unlink, or Said
  char pad[3];
  int32_t fd;
  uint64_t offset, size;  // bytes that follow: `size` of Write and Said
  char name[64], to[64];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char is_ours[MOST_FDS];
static unsigned long calls;
static int log_fd = -1;

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("SONDE_DISK_CALLS_LOG");
  if (path != NULL) log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void note(struct call call, const void* bytes) {
  if (log_fd < 0) return;
  const int has_bytes = call.what == 'W' || call.what == 'P';
  if (syscall(SYS_write, log_fd, &call, sizeof(call)) != sizeof(call) ||
      (has_bytes && syscall(SYS_write, log_fd, bytes, call.size) != (long)call.size)) {
    abort();
  }
}

static void count(void) {
  const char* kill_at = getenv("SONDE_KILL_AT");
  if (++calls == (kill_at == NULL ? 0 : strtoul(kill_at, NULL, 10))) kill(getpid(), SIGKILL);
}

static int knows(int fd) { return fd >= 0 && fd < MOST_FDS && is_ours[fd]; }

static struct call of(char what, int fd, uint64_t offset, uint64_t size, const char* name, const char* to) {
  struct call call = {.what = what, .fd = fd, .offset = offset, .size = size};
  if (name != NULL) strncpy(call.name, name, sizeof(call.name) - 1);
  if (to != NULL) strncpy(call.to, to, sizeof(call.to) - 1);
  return call;
}

int openat(int folder, const char* name, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  const char* below = getenv("SONDE_DISK_CALLS_BELOW");
  const int is_folder = below != NULL && (strcmp(name, below) == 0 || (knows(folder) && strcmp(name, ".") == 0));
  const int is_file = !is_folder && knows(folder);
  if (!is_folder && !is_file) return (int)syscall(SYS_openat, folder, name, flags, mode);
  pthread_mutex_lock(&lock);
  if (is_file && (flags & O_CREAT) != 0) count();
  const int fd = (int)syscall(SYS_openat, folder, name, flags, mode);
  const int error = errno;
  if (fd >= 0 && fd < MOST_FDS) {
    is_ours[fd] = 1;
    note(of(is_folder ? 'F' : 'O', fd, (uint64_t)(flags & O_TRUNC), 0, name, NULL), NULL);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

int open(const char* name, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return openat(AT_FDCWD, name, flags, mode);
}

int __open_2(const char* name, int flags) { return openat(AT_FDCWD, name, flags); }
int __openat_2(int folder, const char* name, int flags) { return openat(folder, name, flags); }

int close(int fd) {
  pthread_mutex_lock(&lock);
  if (knows(fd)) {
    is_ours[fd] = 0;
    note(of('C', fd, 0, 0, NULL, NULL), NULL);
  }
  pthread_mutex_unlock(&lock);
  return (int)syscall(SYS_close, fd);
}

// Makes the call `real` between two looks at it.
#define CHANGE(is_it, call, bytes, real)          \
  do {                                            \
    if (!(is_it)) return real;                    \
    pthread_mutex_lock(&lock);                    \
    count();                                      \
    const long result = real;                     \
    const int error = errno;                      \
    if (result >= 0) note(call, bytes);           \
    pthread_mutex_unlock(&lock);                  \
    errno = error;                                \
    return result;                                \
  } while (0)

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  CHANGE(knows(fd), of('W', fd, (uint64_t)offset, (uint64_t)result, NULL, NULL), bytes,
         syscall(SYS_pwrite64, fd, bytes, size, offset));
}

ssize_t write(int fd, const void* bytes, size_t size) {
  if (fd == STDOUT_FILENO) {
    pthread_mutex_lock(&lock);
    note(of('P', fd, 0, size, NULL, NULL), bytes);
    pthread_mutex_unlock(&lock);
  }
  return syscall(SYS_write, fd, bytes, size);
}

static long sync_of(int fd, long number) {
  CHANGE(knows(fd), of('S', fd, 0, 0, NULL, NULL), NULL, syscall(number, fd));
}
int fsync(int fd) { return (int)sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return (int)sync_of(fd, SYS_fdatasync); }

static long truncate_to(int fd, off_t size) {
  CHANGE(knows(fd), of('T', fd, (uint64_t)size, 0, NULL, NULL), NULL, syscall(SYS_ftruncate, fd, size));
}
int ftruncate(int fd, off_t size) { return (int)truncate_to(fd, size); }

static long allocate(int fd, off_t offset, off_t size) {
  CHANGE(knows(fd), of('A', fd, (uint64_t)(offset + size), 0, NULL, NULL), NULL, syscall(SYS_fallocate, fd, 0, offset, size));
}
int posix_fallocate(int fd, off_t offset, off_t size) { return allocate(fd, offset, size) < 0 ? errno : 0; }

static long rename_in(int from_folder, const char* from, int to_folder, const char* to) {
  CHANGE(knows(from_folder), of('R', from_folder, 0, 0, from, to), NULL,
         syscall(SYS_renameat, from_folder, from, to_folder, to));
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return (int)rename_in(from_folder, from, to_folder, to);
}

static long unlink_in(int folder, const char* name, int flags) {
  CHANGE(knows(folder), of('U', folder, 0, 0, name, NULL), NULL, syscall(SYS_unlinkat, folder, name, flags));
}
int unlinkat(int folder, const char* name, int flags) { return (int)unlink_in(folder, name, flags); }
