// The flame graph: a canvas of the size of the viewport in a scrolled box, with pointer and keyboard.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Scheme } from "./colors";
import { depthAt, ROW, rowTop } from "./draw";
import { stepFocus, stepTowards } from "./flame_keys";
import { FramePaint, type Coloring } from "./frame_colors";
import type { FlameLayout } from "./layout";
import { describe, Tooltip, type TooltipPlace } from "./tooltip";
import type { FunctionRow } from "./top_functions";
import { useFlamePainter, type Painter } from "./use_flame_painter";

export type FunctionName = Pick<FunctionRow, "name" | "file">;

interface Props {
  layout: FlameLayout;
  label: string; // what the graph shows, for those who do not see it
  scheme: Scheme;
  coloring: Coloring;
  underReasons: boolean; // depth 1 holds wait reasons
  upward?: boolean; // the root is at the bottom
  zoom: number;
  marks: Uint8Array | null;
  outlined: FunctionName | null;
  sought?: { node: number } | null; // a new object moves the keyboard's frame there
  onZoom(node: number): void;
  onHover(fn: FunctionName | null): void;
  onPoint?(node: number): void; // the frame that keys are about: under the pointer, else the keyboard's; -1 = none
  onMenu?(node: number, x: number, y: number): void;
  onDrop?(node: number): void; // by a click with Alt
}

const NOTCH_MS = 120; // of a wheel; what a touchpad sends within it is one

export function FlameCanvas(props: Props) {
  const { layout, label, scheme, coloring, underReasons, upward = false, zoom, marks, outlined, sought = null } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<TooltipPlace | null>(null);
  const [focused, setFocused] = useState(zoom);
  const paint = useMemo(
    () => new FramePaint(layout, scheme, coloring, underReasons),
    [layout, scheme, coloring, underReasons],
  );
  const hovered = place?.node ?? -1;
  const painter = useFlamePainter(scroller, canvas, { layout, paint, upward, marks, hovered, focused, outlined }, zoom);
  const places = placesIn(layout, upward, scroller, canvas, painter);

  // Positions of another graph mean nothing in this one.
  useLayoutEffect(() => {
    setPlace(null);
    setFocused(zoom);
    props.onPoint?.(-1);
  }, [layout, zoom]);
  useEffect(() => {
    if (!sought || sought.node >= layout.size) return;
    moveTo(sought.node);
    canvas.current!.focus({ preventScroll: true });
  }, [sought]);

  const moveTo = (node: number) => {
    setFocused(node);
    setPlace(places.reveal(node));
    props.onPoint?.(node);
  };
  const hover = (event: MouseEvent) => {
    const node = places.nodeAt(event);
    setPlace(node < 0 ? null : { node, x: event.clientX, y: event.clientY });
    if (node === hovered) return;
    props.onPoint?.(node);
    props.onHover(node <= 0 ? null : { name: layout.nameOf(node), file: layout.fileOf(node) });
  };
  const leave = () => {
    setPlace(null);
    props.onPoint?.(document.activeElement === canvas.current ? focused : -1);
    props.onHover(null);
  };
  const click = (event: MouseEvent) => {
    const node = places.nodeAt(event);
    if (node > 0 && event.altKey) props.onDrop?.(node);
    else if (node >= 0) props.onZoom(node);
  };
  // With Ctrl, and so by a pinch on a touchpad: a frame in, towards the pointer, or a frame out.
  const lastNotch = useRef(0);
  const wheel = (event: WheelEvent) => {
    if (!event.ctrlKey || event.deltaY === 0) return;
    event.preventDefault();
    if (event.timeStamp - lastNotch.current < NOTCH_MS) return;
    const next = event.deltaY < 0 ? stepTowards(layout, zoom, places.nodeAt(event)) : layout.parent[zoom]!;
    if (next < 0 || next === zoom) return;
    lastNotch.current = event.timeStamp;
    props.onZoom(next);
  };
  const menu = (event: MouseEvent) => {
    const node = places.nodeAt(event);
    if (node <= 0 || !props.onMenu) return;
    event.preventDefault();
    setPlace(null);
    props.onMenu(node, event.clientX, event.clientY);
  };
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = stepFocus(layout, focused, zoom, upward ? turned(event.key) : event.key);
    if (event.key === "Enter") props.onZoom(focused);
    else if (event.key === "m" && props.onMenu && focused > 0) {
      const { x, y } = places.reveal(focused);
      setPlace(null);
      props.onMenu(focused, x, y);
    } else if (next !== null) moveTo(next);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="flame">
      <div class="flame-scroll" ref={scroller} onScroll={painter.repaint}>
        <div style={{ height: `${layout.rows.length * ROW}px` }}>
          <canvas
            ref={canvas}
            tabIndex={0}
            role="application"
            aria-roledescription="flame graph"
            aria-label={`${label}. Arrow keys move between frames, Enter zooms. The view Tree has the same as a table.`}
            style={{ cursor: place ? "pointer" : "default" }}
            onMouseMove={hover}
            onMouseLeave={leave}
            onClick={click}
            onWheel={wheel}
            onContextMenu={menu}
            onKeyDown={key}
            onFocus={painter.repaint}
            onBlur={() => (setPlace(null), painter.repaint())}
          />
        </div>
      </div>
      <div class="for-listeners" aria-live="polite">
        {focused < layout.size ? describe(layout, focused, zoom) : ""}
      </div>
      {place && place.node < layout.size && <Tooltip layout={layout} place={place} viewRoot={zoom} />}
    </div>
  );
}

function turned(key: string): string {
  return key === "ArrowUp" ? "ArrowDown" : key === "ArrowDown" ? "ArrowUp" : key;
}

// From points of the window to frames and back.
function placesIn(
  layout: FlameLayout,
  upward: boolean,
  scroller: RefObject<HTMLDivElement | null>,
  canvas: RefObject<HTMLCanvasElement | null>,
  painter: Painter,
) {
  return {
    nodeAt(event: MouseEvent): number {
      const box = canvas.current!.getBoundingClientRect();
      const { from, to } = painter.range();
      const depth = depthAt(layout, event.clientY - box.top + scroller.current!.scrollTop, upward);
      return layout.hit(depth, from + ((event.clientX - box.left) / box.width) * (to - from));
    },

    // Scrolls the frame into sight and tells where its tooltip goes.
    reveal(node: number): TooltipPlace {
      const scroll = scroller.current!;
      const top = rowTop(layout, layout.depth[node]!, upward);
      if (top < scroll.scrollTop) scroll.scrollTop = top;
      if (top + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW - scroll.clientHeight;
      const box = canvas.current!.getBoundingClientRect();
      const { from, to } = painter.range();
      const left = Math.max(0, ((layout.start[node]! - from) / (to - from)) * box.width);
      return { node, x: box.left + left, y: box.top + top - scroll.scrollTop + ROW };
    },
  };
}
