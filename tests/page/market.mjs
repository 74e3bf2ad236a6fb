// A quarter of an hour of three services, for pictures. It begins with a half hour, so that an axis of time has its marks
// at the same places, and is not older than the two hours after which the collector sums minutes up.
const MINUTE = 60_000;
const HALF_HOUR = 30 * MINUTE;
const KERNEL = "[kernel.kallsyms]";
const LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6";

const begin = Math.floor((Date.now() - 45 * MINUTE) / HALF_HOUR) * HALF_HOUR;
export const MARKET = { from: begin, to: begin + 15 * MINUTE };

// Where it is noon then: never yesterday, whose times are told with their day. (Etc/GMT-5 is five hours ahead of Greenwich.)
const hours = 12 - new Date(begin).getUTCHours();
export const NOON_ZONE = `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;

// "name@file" of frames in APP unless they say otherwise.
function stack(app, path, seconds, reason) {
  const frames = path.split(" ").map((word) => {
    const [name, file] = word.split("@");
    return { name, file: file === "k" ? KERNEL : file === "c" ? LIBC : (file ?? app) };
  });
  return { frames, seconds, reason };
}

const IN_READ = "__x64_sys_read@k vfs_read@k";
const SERVICES = {
  orders: {
    app: "/usr/bin/orders",
    cpu: [
      ["main serve handle parse_json", 9],
      ["main serve handle parse_json unescape", 5],
      ["main serve handle price round_up", 7],
      ["main serve handle price memcpy@c", 4],
      ["main serve handle render escape", 8],
      ["main serve handle render escape memcpy@c", 6],
      ["main serve handle render malloc@c", 3],
      ["main collect mark", 4],
      ["main collect sweep free@c", 2],
      ["main serve read@c __x64_sys_read@k copy_to_user@k", 3],
    ],
    waits: [
      ["main serve handle ask_database recv@c __x64_sys_recvfrom@k tcp_recvmsg@k", 42, "receive"],
      [`main serve handle load_prices read@c ${IN_READ} ext4_file_read_iter@k io_schedule@k`, 23, "disk"],
      ["main serve handle price lock@c __x64_sys_futex@k futex_wait@k", 14, "lock"],
      ["main collect mark", 6, "run-queue"],
      ["main serve epoll_wait@c __x64_sys_epoll_wait@k", 60, "idle-poll"],
    ],
  },
  postgres: {
    app: "/usr/lib/postgresql/15/bin/postgres",
    cpu: [
      ["PostmasterMain BackendRun exec_simple_query ExecScan heap_getnext", 9],
      ["PostmasterMain BackendRun exec_simple_query ExecSort tuplesort_performsort", 6],
      ["PostmasterMain BackendRun exec_simple_query ExecHashJoin", 4],
    ],
    waits: [
      [`PostmasterMain BackendRun exec_simple_query ExecScan ReadBuffer pread@c ${IN_READ} io_schedule@k`, 31, "disk"],
      ["PostmasterMain BackendRun CommitTransaction XLogFlush fdatasync@c __x64_sys_fdatasync@k", 27, "disk"],
      ["PostmasterMain BackendRun ReadCommand recv@c __x64_sys_recvfrom@k", 48, "idle-receive"],
    ],
  },
  gateway: {
    app: "/usr/bin/gateway",
    cpu: [["main run tls_write aes_gcm", 5]],
    waits: [
      ["main run connect@c __x64_sys_connect@k inet_stream_connect@k", 8, "connect"],
      ["main run epoll_wait@c __x64_sys_epoll_wait@k", 44, "idle-poll"],
    ],
  },
};

// In each minute waits are longer or shorter by this; disks are slow from the eighth to the tenth.
const swing = (minute) => 1 + 0.3 * Math.sin(minute);
const slowed = (reason, minute) => (reason === "disk" && minute >= 8 && minute < 11 ? 3 : 1);

export async function fillMarket(pusher) {
  const pushes = [];
  for (const [service, { app, cpu, waits }] of Object.entries(SERVICES)) {
    const running = cpu.map(([path, seconds]) => stack(app, path, seconds));
    const more = { node: "web-1" };
    for (let minute = 0; minute < 15; minute++) {
      const options = { beginMs: begin + minute * MINUTE, more };
      const waiting = waits.map(([path, seconds, reason]) =>
        stack(app, path, seconds * swing(minute) * slowed(reason, minute), reason),
      );
      const all = [...running.map((one) => ({ ...one, reason: "on-cpu" })), ...waiting];
      pushes.push(["wall", service, all, options], ["offcpu", service, waiting, options], ["cpu", service, running, options]);
    }
  }
  for (const push of pushes) await pusher.push(...push);
}
