// What colour a frame has, by its file, its kind of code, what its time went to, or how it changed: the same in every
// window and on every machine.
import { oklch, type Scheme } from "./colors";
import { baseName } from "./format";
import { hashText, type Change, type FlameLayout } from "./layout";
import { groupOf } from "./reasons";

const FILE_HUES = [18, 38, 56, 74, 92, 112, 134, 156, 178, 202, 342];
const KERNEL_HUE = 255;
const LIBC_HUE = 310; // which is in nearly every profile, beside all others
const SHADES = 5;
const GREY = 0.012; // chroma of what has no colour

export type Coloring = "file" | "kind" | "reason" | "change";

export function isKernel(file: string): boolean {
  return file.startsWith("[kernel") || file.startsWith("[bpf") || /\.ko(\.(xz|zst|gz))?$/.test(file);
}

// A file as a person calls it: its base name, "kernel" for the kernel itself.
export function fileTitle(file: string): string {
  if (file === "") return "no file known";
  if (file.startsWith("[kernel")) return "kernel";
  return isKernel(file) ? `kernel · ${baseName(file)}` : baseName(file);
}

// Where a function is, for people. Markers of the agent stand for a stack, and are their own file.
export function placeTitle(name: string, file: string): string {
  return file === name ? "not a function" : fileTitle(file);
}

const CODE_HUES = { kernel: KERNEL_HUE, program: 60, library: 145, "made at run time": 320, unknown: -1 };
export type CodeKind = keyof typeof CODE_HUES;

export function codeKind(file: string): CodeKind {
  if (file === "") return "unknown";
  if (isKernel(file)) return "kernel";
  if (file.startsWith("[anon") || /\/perf-\d+\.map$/.test(file)) return "made at run time";
  if (/\.so(\.|$)/.test(file) || file === "[vdso]") return "library";
  return file.startsWith("[") ? "unknown" : "program";
}

const GROUP_HUES: Readonly<Record<string, number>> = {
  "on-cpu": 155,
  "run-queue": 60,
  disk: 27,
  network: 250,
  ipc: 205,
  lock: 305,
  sleep: 340,
  other: 95,
};

// Functions of one file differ a little in lightness, so that neighbours stay apart.
function shaded(name: string, scheme: Scheme): number {
  return scheme.lightness + 0.035 * (((hashText(name) >>> 8) % SHADES) / (SHADES - 1) - 0.5);
}

export function fileFill(file: string, name: string, scheme: Scheme): string {
  if (file === "" || name === "(other)") return oklch(shaded(name, scheme), GREY, 260);
  return oklch(shaded(name, scheme), scheme.chroma, hueOf(file));
}

function hueOf(file: string): number {
  if (isKernel(file)) return KERNEL_HUE;
  return /(^|\/)libc[.-]/.test(file) ? LIBC_HUE : FILE_HUES[hashText(file) % FILE_HUES.length]!;
}

export function codeFill(kind: CodeKind, name: string, scheme: Scheme): string {
  return oklch(shaded(name, scheme), kind === "unknown" ? GREY : scheme.chroma, CODE_HUES[kind]);
}

export function reasonFill(reason: string, name: string, scheme: Scheme): string {
  const hue = GROUP_HUES[groupOf(reason)];
  return oklch(shaded(name, scheme), hue === undefined ? GREY : scheme.chroma + 0.02, hue ?? 260);
}

// Blue for less, orange for more, which people with any kind of colour blindness tell apart; grey for no change. Fully
// coloured when the larger side is twice the smaller one.
export function changeFill(before: number, after: number, scheme: Scheme): string {
  const larger = Math.max(before, after);
  const strength = larger > 0 ? Math.min(1, (2 * Math.abs(after - before)) / larger) : 0;
  return oklch(scheme.lightness, GREY + (scheme.chroma + 0.03) * strength, after < before ? 250 : 55);
}

// "+3.2%" of the whole, with its sign; "" where it rounds to nothing.
export function signedShare(change: Change, node: number): string {
  const whole = Math.max(change.before[0]!, change.after[0]!);
  const points = whole > 0 ? (100 * (change.after[node]! - change.before[node]!)) / whole : 0;
  if (Math.abs(points) < 0.05) return "";
  return `${points < 0 ? "−" : "+"}${Math.abs(points).toFixed(1)}%`;
}

// Fills and labels of one layout in one scheme, worked out on first use.
export class FramePaint {
  private readonly fills: string[] = [];

  constructor(
    private readonly layout: FlameLayout,
    readonly scheme: Scheme,
    private readonly coloring: Coloring,
    private readonly underReasons: boolean, // depth 1 holds wait reasons
  ) {}

  fill(node: number): string {
    return (this.fills[node] ??= this.compute(node));
  }

  label(node: number): string {
    const { change } = this.layout;
    const name = this.layout.nameOf(node);
    const share = change ? signedShare(change, node) : "";
    return share === "" ? name : `${share} ${name}`;
  }

  private compute(node: number): string {
    const { layout, scheme, coloring } = this;
    const name = layout.nameOf(node);
    const { change } = layout;
    if (coloring === "change" && change) return changeFill(change.before[node]!, change.after[node]!, scheme);
    if (node === 0) return scheme.faded;
    if (this.underReasons && layout.depth[node] === 1) return reasonFill(name, "", scheme);
    if (coloring === "reason") return reasonFill(this.reasonOf(node), name, scheme);
    if (coloring === "kind") return codeFill(codeKind(layout.fileOf(node)), name, scheme);
    return fileFill(layout.fileOf(node), name, scheme);
  }

  private reasonOf(node: number): string {
    if (!this.underReasons) return this.layout.reasonOf(node);
    const group = this.layout.pathTo(node)[1];
    return group === undefined ? "" : this.layout.nameOf(group);
  }
}
