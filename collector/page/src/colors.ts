// The two colour schemes of the graph, and colour arithmetic. Fills are computed in OKLCH at one lightness per scheme,
// so that the label on each has the contrast that WCAG AA asks for (4.5:1).

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
