// Keeps the canvas painted: at most once for each frame of the screen, after every change of the scene, its scrolling
// and its size.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { drawFlame, ROW, rowTop, type Scene } from "./draw";
import type { FlameLayout } from "./layout";
import { ViewAnimation } from "./view_animation";

export type StillScene = Pick<Scene, "layout" | "paint" | "upward" | "marks" | "hovered" | "focused" | "outlined">;

export interface Painter {
  repaint(): void;
  // The range of values in sight, at this moment of a zoom.
  range(): { from: number; to: number };
}

// The canvas covers the visible part of `scroller`, whose content is as high as the whole graph.
export function useFlamePainter(
  scroller: RefObject<HTMLDivElement | null>,
  canvas: RefObject<HTMLCanvasElement | null>,
  scene: StillScene,
  zoom: number,
): Painter {
  const latest = useRef({ scene, zoom });
  latest.current = { scene, zoom };
  const tools = useMemo(() => {
    let pending = 0;
    const repaint = () => {
      pending ||= requestAnimationFrame(() => {
        pending = 0;
        if (!scroller.current || !canvas.current) return;
        paint(scroller.current, canvas.current, latest.current.scene, latest.current.zoom, animation);
      });
    };
    const animation = new ViewAnimation(repaint);
    return { repaint, animation };
  }, []);
  const { repaint, animation } = tools;

  const { layout, paint: colors, marks, hovered, focused, outlined } = scene;
  useEffect(repaint, [layout, colors, marks, hovered, focused, outlined, zoom]);
  useEffect(() => {
    const observer = new ResizeObserver(repaint);
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, []);

  const shown = useRef<FlameLayout | null>(null);
  useLayoutEffect(() => {
    const from = layout.start[zoom]!;
    const range = { from, to: from + (layout.total[zoom]! || 1) };
    if (shown.current === layout) animation.glide(range);
    else animation.jump(range);
    shown.current = layout;
  }, [layout, zoom]);
  useLayoutEffect(() => {
    const top = rowTop(layout, layout.depth[zoom]!, scene.upward);
    scroller.current!.scrollTop = scene.upward ? top : Math.max(0, top - 2 * ROW);
  }, [scene.upward && layout, zoom === 0 ? 0 : layout.pathKey(zoom)]);

  return useMemo(() => ({ repaint, range: () => animation.range }), []);
}

function paint(
  box: HTMLDivElement,
  canvas: HTMLCanvasElement,
  scene: StillScene,
  zoom: number,
  animation: ViewAnimation,
): void {
  const { clientWidth: width, clientHeight: height } = box;
  const ratio = devicePixelRatio || 1;
  fit(canvas, width, height, ratio);
  const ctx = canvas.getContext("2d")!;
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawFlame(ctx, {
    ...scene,
    ...animation.range,
    focused: document.activeElement === canvas ? scene.focused : -1,
    scroll: box.scrollTop,
    width,
    height,
    zoomDepth: scene.layout.depth[zoom] ?? 0,
  });
}

function fit(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width === w && canvas.height === h) return;
  canvas.width = w;
  canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}
