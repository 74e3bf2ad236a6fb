// Which colour is what, with each one's own share of the view.
import { useMemo } from "preact/hooks";
import type { Scheme } from "./colors";
import { percent } from "./format";
import { codeFill, codeKind, fileFill, fileTitle, reasonFill, type CodeKind } from "./frame_colors";
import type { FlameLayout } from "./layout";
import type { ColorBy } from "./url_state";

const MOST = 8;

interface Props {
  layout: FlameLayout;
  zoom: number;
  scheme: Scheme;
  by: ColorBy;
  underReasons: boolean; // depth 1 holds wait reasons
  onPick(by: ColorBy, key: string): void;
}

interface Way {
  keyOf(layout: FlameLayout, node: number): string;
  title(key: string): string;
  fill(key: string, scheme: Scheme): string;
}

const WAYS: Record<ColorBy, Way> = {
  file: {
    keyOf: (layout, node) => layout.fileOf(node),
    title: fileTitle,
    fill: (file, scheme) => fileFill(file, "", scheme),
  },
  kind: {
    keyOf: (layout, node) => codeKind(layout.fileOf(node)),
    title: (kind) => kind,
    fill: (kind, scheme) => codeFill(kind as CodeKind, "", scheme),
  },
  reason: {
    keyOf: (layout, node) => layout.reasonOf(node),
    title: (reason) => reason || "reason not known",
    fill: (reason, scheme) => reasonFill(reason, "", scheme),
  },
};

export function Legend({ layout, zoom, scheme, by, underReasons, onPick }: Props) {
  const way = WAYS[by];
  const sums = useMemo(() => selfBy(layout, zoom, way, by === "reason" && underReasons), [layout, zoom, by]);
  const view = layout.total[zoom]!;
  const rest = sums.slice(MOST).reduce((sum, [, self]) => sum + self, 0);
  return (
    <ul class="legend files">
      <li class="note">
        Self {layout.measure.noun} by {by === "kind" ? "kind of code" : by}
      </li>
      {sums.slice(0, MOST).map(([key, self]) => (
        <li key={key}>
          <button
            class="quiet"
            title={`${key || "not known"}: ${layout.measure.amount(self)} of self ${layout.measure.noun}`}
            disabled={key === "" || by === "kind"}
            onClick={() => onPick(by, key)}
          >
            <span class="swatch" style={{ background: way.fill(key, scheme) }} />
            <bdi>{way.title(key)}</bdi>
            <span class="share">{percent(self, view)}</span>
          </button>
        </li>
      ))}
      {rest > 0 && <li class="note">{`${sums.length - MOST} more ${percent(rest, view)}`}</li>}
    </ul>
  );
}

function selfBy(layout: FlameLayout, root: number, way: Way, byGroup: boolean): [key: string, self: number][] {
  const sums = new Map<string, number>();
  let group = byGroup && layout.depth[root]! > 0 ? layout.nameOf(layout.pathTo(root)[1]!) : "";
  for (let i = root; i < layout.end[root]!; i++) {
    if (byGroup && layout.depth[i] === 1) group = layout.nameOf(i);
    if (layout.self[i] === 0) continue;
    const key = byGroup ? group : way.keyOf(layout, i);
    sums.set(key, (sums.get(key) ?? 0) + layout.self[i]!);
  }
  return [...sums].sort((a, b) => b[1] - a[1]);
}
