// Numbers, times and names as people read them. Durations come in nanoseconds, memory in bytes, instants in Unix milliseconds.

const UNITS: [name: string, nanoseconds: number, upTo: number][] = [
  ["ns", 1, 999.5],
  ["µs", 1e3, 999.5],
  ["ms", 1e6, 999.5],
  ["s", 1e9, 119.5],
  ["min", 6e10, 119.5],
  ["h", 3.6e12, 47.5],
  ["d", 8.64e13, Infinity],
];

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

// "0 s", "850 ns", "1.50 ms", "12.3 s", "4.20 min".
export function duration(ns: number): string {
  if (ns === 0) return "0 s";
  const sign = ns < 0 ? "−" : "";
  const size = Math.abs(ns);
  const [name, unit] = UNITS.find(([, each, upTo]) => size / each < upTo)!;
  return `${sign}${unit === 1 ? size.toFixed(0) : threeDigits(size / unit)} ${name}`;
}

// "0 B", "850 B", "1.50 KiB", "12.3 MiB".
export function bytes(n: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const size = Math.abs(n);
  const step = Math.max(
    0,
    units.findIndex((_, i) => size / 1024 ** i < 999.5 || i === units.length - 1),
  );
  return `${n < 0 ? "−" : ""}${step === 0 ? size.toFixed(0) : threeDigits(size / 1024 ** step)} ${units[step]}`;
}

// A share that never claims 0% or 100% when it is not.
export function percent(part: number, whole: number): string {
  if (!(whole > 0)) return "–";
  const share = (100 * part) / whole;
  if (share === 0) return "0%";
  if (share < 0.01) return "<0.01%";
  if (share < 1) return `${share.toFixed(2)}%`;
  if (share > 99.9 && share < 100) return ">99.9%";
  return share >= 100 ? `${share.toFixed(0)}%` : `${share.toFixed(1)}%`;
}

export function count(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

// "1 profile", "1,200 profiles".
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

const two = (n: number) => String(n).padStart(2, "0");
const day = (d: Date) => `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}`;
const clock = (d: Date) => `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;

// Both ends in the reader's own time zone; days are named when they are not `today`.
export function timeRange(fromMs: number, toMs: number, today = new Date()): string {
  const from = new Date(fromMs);
  const to = new Date(toMs);
  const oneDay = day(from) === day(to);
  if (oneDay && day(to) === day(today)) return `${clock(from)} – ${clock(to)}`;
  return `${day(from)} ${clock(from)} – ${oneDay ? "" : `${day(to)} `}${clock(to)}`;
}

// An instant beside an axis whose marks are `seconds` apart: as much of it as tells them apart.
export function axisTime(ms: number, seconds: number): string {
  const at = new Date(ms);
  if (seconds >= 86_400) return day(at);
  const short = seconds < 60 ? clock(at) : clock(at).slice(0, 5);
  return short === "00:00" ? day(at) : short;
}

// Control and bidirectional formatting characters, which could hide or reorder the text around them.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

// A name from a profile with everything invisible in it written out.
export function visible(name: string): string {
  return name.replace(UNSEEN, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// The last part of a path: "/usr/lib/libc.so.6" → "libc.so.6".
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1) || path;
}
