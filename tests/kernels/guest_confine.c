// Becomes a program that has the six capabilities of the agent and no way to more, though it is root's.
// usage: guest_confine PROGRAM [ARGUMENT...]
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

// As of Linux 5.9; older headers lack the last three.
static const int kept[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYSLOG, 38, 39, 40};

static int is_kept(int capability) {
  for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); ++i) {
    if (kept[i] == capability) return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (!is_kept(capability) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return perror("guest_confine"), 1;
  }
  execvp(argv[1], argv + 1);
  return perror(argv[1]), 1;
}
