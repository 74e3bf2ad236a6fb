// Which colour is which file, with each file's own share of the view.
import { useMemo } from "preact/hooks";
import { fileFill, fileTitle, type Scheme } from "./colors";
import { percent } from "./format";
import type { FlameLayout } from "./layout";

const MOST = 8;

interface Props {
  layout: FlameLayout;
  zoom: number;
  scheme: Scheme;
  onSearch(file: string): void;
}

export function FileLegend({ layout, zoom, scheme, onSearch }: Props) {
  const files = useMemo(() => selfByFile(layout, zoom), [layout, zoom]);
  const view = layout.total[zoom]!;
  const rest = files.slice(MOST).reduce((sum, [, self]) => sum + self, 0);
  return (
    <ul class="legend files">
      <li class="note">Self {layout.measure.noun} by file</li>
      {files.slice(0, MOST).map(([file, self]) => (
        <li key={file}>
          <button
            class="quiet"
            title={`${file || "frames without a file"}: ${layout.measure.amount(self)} of self ${layout.measure.noun}`}
            disabled={file === ""}
            onClick={() => onSearch(file)}
          >
            <span class="swatch" style={{ background: fileFill(file, "", scheme) }} />
            <bdi>{fileTitle(file)}</bdi>
            <span class="share">{percent(self, view)}</span>
          </button>
        </li>
      ))}
      {rest > 0 && <li class="note">{`${files.length - MOST} more ${percent(rest, view)}`}</li>}
    </ul>
  );
}

function selfByFile(layout: FlameLayout, root: number): [file: string, self: number][] {
  const sums = new Float64Array(layout.files.length);
  for (let i = root; i < layout.end[root]!; i++) sums[layout.file[i]!]! += layout.self[i]!;
  return layout.files
    .map((file, i): [string, number] => [file, sums[i]!])
    .filter(([, self]) => self > 0)
    .sort((a, b) => b[1] - a[1]);
}
