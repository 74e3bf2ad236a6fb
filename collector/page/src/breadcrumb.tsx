// The way from everything down to the zoomed frame.
import type { FlameLayout } from "./layout";

const NEAREST = 4; // frames named at the end of a long way

interface Props {
  layout: FlameLayout;
  zoom: number;
  onZoom(node: number): void;
}

export function Breadcrumb({ layout, zoom, onZoom }: Props) {
  const path = layout.pathTo(zoom);
  const left = path.length > NEAREST + 2 ? path.length - NEAREST - 1 : 0;
  const shown = left > 0 ? [path[0]!, ...path.slice(-NEAREST)] : path;
  return (
    <nav class="crumbs" aria-label="Zoomed frame">
      {shown.map((node, i) => (
        <span key={node} class="crumb">
          {i > 0 && <span class="sep">›</span>}
          {i === 1 && left > 0 && (
            <span class="sep" title={`${left} frames between`}>
              … ›
            </span>
          )}
          {node === zoom ? (
            <bdi aria-current="location">{layout.nameOf(node)}</bdi>
          ) : (
            <button class="quiet" onClick={() => onZoom(node)}>
              <bdi>{layout.nameOf(node)}</bdi>
            </button>
          )}
        </span>
      ))}
      {zoom === 0 && <span class="note">click a frame to zoom into it</span>}
    </nav>
  );
}
