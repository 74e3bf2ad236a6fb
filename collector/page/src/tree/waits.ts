// Waits by reason, from a tree whose first frames are reasons: how long, how often, where.
import type { FlameLayout } from "../layout";
import { isKernel } from "../frame_colors";
import { childrenOf } from "./open_rows";

export interface WaitPlace {
  name: string; // the innermost function of the program itself: what was waiting
  file: string;
  inside: string; // what it waited in: the system call, else the innermost function
  total: number;
  waits: number;
}

export interface WaitReason {
  reason: string;
  total: number;
  waits: number; // that ended
  places: WaitPlace[]; // heaviest first
}

// REQUIRES: depth 1 of `layout` holds reasons.
export function waitsByReason(layout: FlameLayout): WaitReason[] {
  const reasons: WaitReason[] = [];
  for (let node = 1; node < layout.size; node = layout.end[node]!) {
    const places = placesUnder(layout, node);
    reasons.push({ reason: layout.nameOf(node), total: layout.total[node]!, waits: layout.waits[node]!, places });
  }
  return reasons.sort((a, b) => b.total - a.total);
}

function placesUnder(layout: FlameLayout, top: number): WaitPlace[] {
  const places = new Map<string, WaitPlace>();
  const own = new Map<number, number>(); // node → node of the place that stands for it
  const calls = new Map<number, string>(); // node → the system call that it is in
  for (let node = top; node < layout.end[top]!; node++) {
    own.set(node, node > top && isProgram(layout, node) ? node : (own.get(layout.parent[node]!) ?? node));
    const call = systemCall(layout.nameOf(node)) ?? calls.get(layout.parent[node]!);
    if (call !== undefined) calls.set(node, call);
    if (layout.self[node] === 0) continue;
    const spot = own.get(node)!;
    const inside = call ?? (node === top ? "" : layout.nameOf(node));
    const key = `${layout.name[spot]} ${layout.file[spot]} ${inside}`;
    const place = places.get(key) ?? {
      name: spot === top ? "[no function of a program]" : layout.nameOf(spot),
      file: spot === top ? "" : layout.fileOf(spot),
      inside,
      total: 0,
      waits: 0,
    };
    place.total += layout.self[node]!;
    place.waits += endedIn(layout, node);
    places.set(key, place);
  }
  return [...places.values()].sort((a, b) => b.total - a.total);
}

// "__x64_sys_clock_nanosleep" is clock_nanosleep.
function systemCall(name: string): string | undefined {
  return /^__(?:x64|ia32|arm64|se)_sys_(\w+)$/.exec(name)?.[1];
}

// Neither kernel nor a library that everybody waits in.
function isProgram(layout: FlameLayout, node: number): boolean {
  const file = layout.fileOf(node);
  return (
    !isKernel(file) &&
    !/(^|\/)(libc|ld-linux|libpthread|libstdc\+\+)[-.0-9a-z_]*\.so/.test(file) &&
    layout.nameOf(node) !== "(other)"
  );
}

function endedIn(layout: FlameLayout, node: number): number {
  return childrenOf(layout, node).reduce((ended, child) => ended - layout.waits[child]!, layout.waits[node]!);
}
