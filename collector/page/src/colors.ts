// Colours of frames: one hue per file, the same in every window and on every machine; the kernel has a hue of its own.
// Fills are computed in OKLCH at one lightness per scheme, so that the label on each has the contrast that WCAG AA asks for (4.5:1).
import { baseName } from "./format";
import { hashText, type FlameLayout } from "./layout";

export interface Scheme {
  text: string;
  surface: string;
  outline: string; // around hovered frames
  accent: string; // around the frame that the keyboard is on
  faded: string; // frames above the zoomed one, and runs too narrow to draw
  lightness: number;
  chroma: number;
}

export const LIGHT: Scheme = {
  text: "#16191d",
  surface: "#ffffff",
  outline: "#16191d",
  accent: "#0b57d0",
  faded: "#e3e6eb",
  lightness: 0.84,
  chroma: 0.098,
};

export const DARK: Scheme = {
  text: "#f4f6f8",
  surface: "#171a1f",
  outline: "#ffffff",
  accent: "#8ab4ff",
  faded: "#2c3139",
  lightness: 0.46,
  chroma: 0.09,
};

const FILE_HUES = [18, 38, 56, 74, 92, 112, 134, 156, 178, 322, 342];
const KERNEL_HUE = 255;
const SHADES = 5;

export function isKernel(file: string): boolean {
  return file.startsWith("[kernel") || file.startsWith("[bpf") || /\.ko(\.(xz|zst|gz))?$/.test(file);
}

// A file as a person calls it: its base name, "kernel" for the kernel itself.
export function fileTitle(file: string): string {
  if (file === "") return "no file known";
  if (file.startsWith("[kernel")) return "kernel";
  return isKernel(file) ? `kernel · ${baseName(file)}` : baseName(file);
}

// Fills of one layout in one scheme, worked out on first use.
export class FramePaint {
  private readonly fills: string[] = [];

  constructor(
    private readonly layout: FlameLayout,
    readonly scheme: Scheme,
    private readonly grouped: boolean, // depth 1 holds wait reasons
  ) {}

  fill(node: number): string {
    return (this.fills[node] ??= this.compute(node));
  }

  private compute(node: number): string {
    const { layout, scheme } = this;
    const name = layout.nameOf(node);
    if (node === 0) return scheme.faded;
    if (this.grouped && layout.depth[node] === 1) return reasonFill(name, scheme);
    return fileFill(layout.fileOf(node), name, scheme);
  }
}

// Functions of one file differ a little in lightness, so that neighbours stay apart.
export function fileFill(file: string, name: string, scheme: Scheme): string {
  const shade = ((hashText(name) >>> 8) % SHADES) / (SHADES - 1) - 0.5;
  const lightness = scheme.lightness + 0.035 * shade;
  if (file === "" || name === "(other)") return oklch(lightness, 0.012, 260);
  const hue = isKernel(file) ? KERNEL_HUE : FILE_HUES[hashText(file) % FILE_HUES.length]!;
  return oklch(lightness, scheme.chroma, hue);
}

function reasonFill(reason: string, scheme: Scheme): string {
  const word = reason.toLowerCase();
  const hue = /on.?cpu|running/.test(word) ? 155 : /queue|preempt|runnable/.test(word) ? 60 : 285;
  return oklch(scheme.lightness, scheme.chroma + 0.045, hue);
}

// OKLCH to "#rrggbb", cut to the sRGB cube.
export function oklch(lightness: number, chroma: number, hue: number): string {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channels = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return `#${channels.map(hexOfLinear).join("")}`;
}

function hexOfLinear(linear: number): string {
  const cut = Math.min(1, Math.max(0, linear));
  const gamma = cut <= 0.0031308 ? 12.92 * cut : 1.055 * cut ** (1 / 2.4) - 0.055;
  return Math.round(gamma * 255)
    .toString(16)
    .padStart(2, "0");
}
