// Moves the visible range of values from one frame to another in a short moment, or at once for those who asked their
// system for less motion.

const MOMENT_MS = 130;

export interface Range {
  from: number;
  to: number;
}

export class ViewAnimation {
  private current: Range = { from: 0, to: 1 };
  private frame = 0;

  constructor(private readonly onMove: () => void) {}

  get range(): Range {
    return this.current;
  }

  jump(to: Range): void {
    cancelAnimationFrame(this.frame);
    this.current = to;
    this.onMove();
  }

  glide(to: Range): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.jump(to);
    cancelAnimationFrame(this.frame);
    const origin = this.current;
    const begin = performance.now();
    const step = (now: number) => {
      const part = Math.min(1, Math.max(0, (now - begin) / MOMENT_MS));
      const eased = 1 - (1 - part) ** 3;
      this.current = {
        from: origin.from + (to.from - origin.from) * eased,
        to: origin.to + (to.to - origin.to) * eased,
      };
      this.onMove();
      if (part < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }
}
