// The flame graph: a canvas of the size of the viewport in a scrolled box, with pointer and keyboard.
import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { FramePaint, type Scheme } from "./colors";
import { ROW } from "./draw";
import { stepFocus } from "./flame_keys";
import type { FlameLayout } from "./layout";
import { describe, Tooltip, type TooltipPlace } from "./tooltip";
import type { FunctionRow } from "./top_functions";
import { useFlamePainter, type Painter } from "./use_flame_painter";

export type FunctionName = Pick<FunctionRow, "name" | "file">;

interface Props {
  layout: FlameLayout;
  label: string; // what the graph shows, for those who do not see it
  scheme: Scheme;
  grouped: boolean;
  zoom: number;
  marks: Uint8Array | null;
  outlined: FunctionName | null;
  onZoom(node: number): void;
  onHover(fn: FunctionName | null): void;
}

export function FlameCanvas({ layout, label, scheme, grouped, zoom, marks, outlined, onZoom, onHover }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [place, setPlace] = useState<TooltipPlace | null>(null);
  const [focused, setFocused] = useState(zoom);
  const paint = useMemo(() => new FramePaint(layout, scheme, grouped), [layout, scheme, grouped]);
  const hovered = place?.node ?? -1;
  const painter = useFlamePainter(scroller, canvas, { layout, paint, marks, hovered, focused, outlined }, zoom);
  const places = placesIn(layout, scroller, canvas, painter);

  // Positions of another graph mean nothing in this one.
  useLayoutEffect(() => {
    setPlace(null);
    setFocused(zoom);
  }, [layout, zoom]);

  const hover = (event: MouseEvent) => {
    const node = places.nodeAt(event);
    setPlace(node < 0 ? null : { node, x: event.clientX, y: event.clientY });
    if (node !== hovered) onHover(node <= 0 ? null : { name: layout.nameOf(node), file: layout.fileOf(node) });
  };
  const leave = () => {
    setPlace(null);
    onHover(null);
  };
  const click = (event: MouseEvent) => {
    const node = places.nodeAt(event);
    if (node >= 0) onZoom(node);
  };
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter") {
      onZoom(focused);
    } else {
      const next = stepFocus(layout, focused, zoom, event.key);
      if (next === null) return;
      setFocused(next);
      setPlace(places.reveal(next));
    }
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
            aria-label={`${label}. Arrow keys move between frames, Enter zooms.`}
            style={{ cursor: place ? "pointer" : "default" }}
            onMouseMove={hover}
            onMouseLeave={leave}
            onClick={click}
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

// From points of the window to frames and back.
function placesIn(
  layout: FlameLayout,
  scroller: RefObject<HTMLDivElement | null>,
  canvas: RefObject<HTMLCanvasElement | null>,
  painter: Painter,
) {
  return {
    nodeAt(event: MouseEvent): number {
      const box = canvas.current!.getBoundingClientRect();
      const { from, to } = painter.range();
      const depth = Math.floor((event.clientY - box.top + scroller.current!.scrollTop) / ROW);
      return layout.hit(depth, from + ((event.clientX - box.left) / box.width) * (to - from));
    },

    // Scrolls the frame into sight and tells where its tooltip goes.
    reveal(node: number): TooltipPlace {
      const scroll = scroller.current!;
      const top = layout.depth[node]! * ROW;
      if (top < scroll.scrollTop) scroll.scrollTop = top;
      if (top + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW - scroll.clientHeight;
      const box = canvas.current!.getBoundingClientRect();
      const { from, to } = painter.range();
      const left = Math.max(0, ((layout.start[node]! - from) / (to - from)) * box.width);
      return { node, x: box.left + left, y: box.top + top - scroll.scrollTop + ROW };
    },
  };
}
