// The flame graph: a canvas of the size of the viewport in a scrolled box, with pointer and keyboard.
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { DARK, FramePaint, LIGHT } from "./colors";
import { drawFlame, ROW } from "./draw";
import { stepFocus } from "./flame_keys";
import type { FlameLayout } from "./layout";
import { describe, Tooltip, type TooltipPlace } from "./tooltip";
import type { FunctionRow } from "./top_functions";
import { useMedia } from "./use_load";
import { ViewAnimation } from "./view_animation";

export type FunctionName = Pick<FunctionRow, "name" | "file">;

interface Props {
  layout: FlameLayout;
  label: string; // what the graph shows, for those who do not see it
  grouped: boolean;
  zoom: number;
  marks: Uint8Array | null;
  outlined: FunctionName | null;
  onZoom(node: number): void;
  onHover(fn: FunctionName | null): void;
}

export function FlameCanvas(props: Props) {
  const { layout, zoom, marks, outlined } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<TooltipPlace | null>(null);
  const [focused, setFocused] = useState(-1);
  const dark = useMedia("(prefers-color-scheme: dark)");
  const paint = useMemo(
    () => new FramePaint(layout, dark ? DARK : LIGHT, props.grouped),
    [layout, dark, props.grouped],
  );
  const redraw = useRef<() => void>(() => {});
  const animation = useMemo(() => new ViewAnimation(() => redraw.current()), []);
  const pending = useRef(0);

  const paintNow = useCallback(() => {
    pending.current = 0;
    const box = scroller.current;
    const surface = canvas.current;
    if (!box || !surface) return;
    const { clientWidth: width, clientHeight: height } = box;
    const ratio = devicePixelRatio || 1;
    fitCanvas(surface, width, height, ratio);
    const ctx = surface.getContext("2d")!;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawFlame(ctx, {
      layout,
      paint,
      ...animation.range,
      scroll: box.scrollTop,
      width,
      height,
      zoomDepth: layout.depth[zoom]!,
      marks,
      hovered: place?.node ?? -1,
      focused: document.activeElement === surface ? focused : -1,
      outlined,
    });
  }, [layout, paint, zoom, marks, outlined, place?.node, focused]);

  redraw.current = () => {
    pending.current ||= requestAnimationFrame(paintLatest);
  };
  const latestPaint = useRef(paintNow);
  latestPaint.current = paintNow;
  const paintLatest = useCallback(() => latestPaint.current(), []);

  useEffect(() => redraw.current(), [paintNow]);
  useEffect(() => {
    const observer = new ResizeObserver(() => redraw.current());
    observer.observe(scroller.current!);
    return () => observer.disconnect();
  }, []);

  const shown = useRef<FlameLayout | null>(null);
  useLayoutEffect(() => {
    const range = { from: layout.start[zoom]!, to: layout.start[zoom]! + layout.total[zoom]! };
    if (shown.current === layout) animation.glide(range);
    else animation.jump(range);
    if (shown.current !== layout || place) setPlace(null);
    shown.current = layout;
    setFocused(zoom);
    scroller.current!.scrollTop = Math.max(0, (layout.depth[zoom]! - 2) * ROW);
  }, [layout, zoom]);

  const nodeAt = (event: MouseEvent): number => {
    const box = canvas.current!.getBoundingClientRect();
    const { from, to } = animation.range;
    const depth = Math.floor((event.clientY - box.top + scroller.current!.scrollTop) / ROW);
    return layout.hit(depth, from + ((event.clientX - box.left) / box.width) * (to - from));
  };

  const hover = (event: MouseEvent) => {
    const node = nodeAt(event);
    setPlace(node < 0 ? null : { node, x: event.clientX, y: event.clientY });
    if (node !== (place?.node ?? -1)) props.onHover(node <= 0 ? null : nameOf(layout, node));
  };

  const leave = () => {
    setPlace(null);
    props.onHover(null);
  };

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && focused >= 0) {
      props.onZoom(focused);
    } else {
      const next = stepFocus(layout, focused < 0 ? zoom : focused, zoom, event.key);
      if (next === null) return;
      setFocused(next);
      setPlace(placeOf(next));
    }
    event.preventDefault();
    event.stopPropagation();
  };

  // Brings a frame into sight and tells where its tooltip goes.
  const placeOf = (node: number): TooltipPlace => {
    const scroll = scroller.current!;
    const top = layout.depth[node]! * ROW;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    if (top + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW - scroll.clientHeight;
    const box = canvas.current!.getBoundingClientRect();
    const { from, to } = animation.range;
    const left = Math.max(0, ((layout.start[node]! - from) / (to - from)) * box.width);
    return { node, x: box.left + left, y: box.top + top - scroll.scrollTop + ROW };
  };

  return (
    <div class="flame">
      <div class="flame-scroll" ref={scroller} onScroll={() => redraw.current()}>
        <div style={{ height: `${layout.rows.length * ROW}px` }}>
          <canvas
            ref={canvas}
            tabIndex={0}
            role="application"
            aria-roledescription="flame graph"
            aria-label={`${props.label}. Arrow keys move between frames, Enter zooms.`}
            style={{ cursor: place ? "pointer" : "default" }}
            onMouseMove={hover}
            onMouseLeave={leave}
            onClick={(event) => {
              const node = nodeAt(event);
              if (node >= 0) props.onZoom(node);
            }}
            onKeyDown={onKey}
            onFocus={() => redraw.current()}
            onBlur={() => (setPlace(null), redraw.current())}
          />
        </div>
      </div>
      <div class="for-listeners" aria-live="polite">
        {focused >= 0 && focused < layout.size ? describe(layout, focused, zoom) : ""}
      </div>
      {place && place.node < layout.size && <Tooltip layout={layout} place={place} viewRoot={zoom} />}
    </div>
  );
}

function nameOf(layout: FlameLayout, node: number): FunctionName {
  return { name: layout.nameOf(node), file: layout.fileOf(node) };
}

function fitCanvas(canvas: HTMLCanvasElement, width: number, height: number, ratio: number): void {
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width === w && canvas.height === h) return;
  canvas.width = w;
  canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}
