// Every reason that a thread's time can go to: its group, and two sentences for who meets it for the first time.

export interface Reason {
  group: string; // as in shares.ts
  means: string;
  advice: string;
}

const reason = (group: string, means: string, advice: string): Reason => ({ group, means, advice });

export const REASONS: Readonly<Record<string, Reason>> = {
  "on-cpu": reason(
    "on-cpu",
    "The thread was running on a processor.",
    "Look for wide frames in the On-CPU graph: less work there is less time here.",
  ),
  "run-queue": reason(
    "run-queue",
    "The thread had been woken and was ready, but other threads had every processor it may run on.",
    "Much of it means too few CPUs, too many busy threads, or a pinning that crowds them.",
  ),
  preempted: reason(
    "run-queue",
    "The thread was running when the scheduler gave its processor to another one.",
    "It wanted to go on: compare with who runs on the same CPUs, and with priorities.",
  ),
  throttled: reason(
    "run-queue",
    "The thread's control group had used up its CPU quota for this period.",
    "A higher limit, or fewer threads that burn the quota at once, takes it away.",
  ),
  disk: reason(
    "disk",
    "The thread waited for a block device, or for the file system above it.",
    "Look whether it reads what a cache could hold, or syncs more often than it must; agentctl disks shows the device's side.",
  ),
  "major-fault": reason(
    "disk",
    "The thread touched memory that had to be read first, from a file or from swap.",
    "Swap means too little memory; a file means a cold cache or a program that starts.",
  ),
  receive: reason(
    "network",
    "The thread waited within its work for data of a network peer.",
    "The time is the peer's or the network's: agentctl peers names whom, and how long they took.",
  ),
  send: reason(
    "network",
    "The thread waited until a network peer made room for more data.",
    "The receiver is slower than the sender, or the way between them is full.",
  ),
  connect: reason(
    "network",
    "The thread waited for a network peer to take a new connection.",
    "Kept connections save this; a long one is a far, busy or dropping peer.",
  ),
  pipe: reason(
    "ipc",
    "The thread waited at a pipe: for data, or for room.",
    "The process at the other end sets the pace, so its profile tells why.",
  ),
  "unix-socket": reason(
    "ipc",
    "The thread waited for another process of this host at a Unix socket.",
    "The answer is in that process's profile: a database or a proxy on the same host, mostly.",
  ),
  ipc: reason(
    "ipc",
    "The thread waited at an eventfd, a message queue or a System V semaphore.",
    "Whoever was to signal it was late, or has nothing to say.",
  ),
  lock: reason(
    "lock",
    "The thread waited for a mutex, a condition, a semaphore or a file lock within its work.",
    "agentctl locks names who held it and for how long; the frames above the wait say which lock it is.",
  ),
  "kernel-lock": reason(
    "lock",
    "The thread waited for a lock within the kernel, such as that of its address space.",
    "Many threads that map memory, or use one directory or file at once, meet here.",
  ),
  sleep: reason(
    "sleep",
    "The thread slept until a timer of its own ended.",
    "It asked for it: a poll loop with a sleep in it is where a notification could be.",
  ),
  poll: reason(
    "other",
    "The thread waited within its work until one of several files was ready.",
    "It is not its main loop: look at the frames above for what it wanted.",
  ),
  child: reason(
    "other",
    "The thread waited for a child process to end or to stop.",
    "The time is the child's, so look at that process.",
  ),
  "io-uring": reason(
    "other",
    "The thread waited for completions of io_uring.",
    "What it had submitted was not done yet: reads, writes or network requests.",
  ),
  terminal: reason(
    "other",
    "The thread waited for a terminal: for somebody to type, or for output to be taken.",
    "That is a person's time, mostly.",
  ),
  stopped: reason(
    "other",
    "The thread was stopped by a signal, a debugger or the control group's freezer.",
    "It cannot go on until whoever stopped it says so.",
  ),
  "minor-fault": reason(
    "other",
    "The thread waited while the kernel gave it memory, without any disk.",
    "Memory that is short, or an address space that many threads change at once.",
  ),
  other: reason(
    "other",
    "The thread waited in a system call that no other reason covers.",
    "Group by syscall to see which one.",
  ),
  "kernel-idle": reason("idle", "A thread of the kernel had no work.", "Nothing is to be done about it."),
  accept: reason("idle", "A server waited for a new connection.", "It is free for work; nothing is slow here."),
  "idle-poll": reason(
    "idle",
    "The thread waited for work in the poll of its main loop.",
    "It is free for work: only when you expect it to be busy, ask who should have woken it.",
  ),
  "idle-lock": reason(
    "idle",
    "The thread waited for work at the condition or semaphore of its main loop, as the workers of a pool do.",
    "A pool with much of it is larger than its work.",
  ),
  "idle-receive": reason(
    "idle",
    "A server's thread waited for the next request of a client.",
    "The client has nothing to ask; nothing is slow here.",
  ),
  "idle-signal": reason("idle", "The thread waited for a signal.", "Threads that look after signals do nothing else."),
};

// The group of a reason's name; "unknown" for words of other agents.
export function groupOf(name: string): string {
  return REASONS[name]?.group ?? "unknown";
}
