// The same tree as a table whose rows open, for keyboards and for those who listen.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { percent } from "../format";
import { placeTitle } from "../frame_colors";
import { MOST_CHILDREN, mainPath, openRows, stepRow, type TreeRow } from "../tree/open_rows";
import type { ViewProps } from "./view_props";

export function TreeView({ shown, state, marks, zoom, onZoom, onPoint }: ViewProps) {
  const { seen } = shown;
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set()); // path keys: the same when it is loaded anew
  const [at, setAt] = useState(0);
  const body = useRef<HTMLTableSectionElement>(null);
  const walked = useRef(false);
  useEffect(() => {
    setOpen(new Set(mainPath(seen, zoom).map((node) => seen.pathKey(node))));
    setAt(0);
  }, [state.zoom, state.inverted, state.group]);
  const rows = useMemo(() => openRows(seen, zoom, (node) => open.has(seen.pathKey(node))), [seen, zoom, open]);
  const current = Math.min(at, rows.length - 1);
  useEffect(() => {
    onPoint(rows[current]!.node);
    if (walked.current) (body.current!.children[current] as HTMLElement).focus();
  }, [current, rows]);

  const toggle = (row: TreeRow) => {
    if (row.open === null) return;
    const next = new Set(open);
    const key = seen.pathKey(row.node);
    if (!next.delete(key)) next.add(key);
    setOpen(next);
  };
  const key = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    walked.current = true;
    const step = stepRow(rows, current, event.key);
    if (event.key === "Enter") onZoom(rows[current]!.node);
    else if (!step) return;
    else if (step.toggle) toggle(rows[current]!);
    else setAt(step.at);
    event.preventDefault();
    event.stopPropagation();
  };
  const { amount, noun } = seen.measure;
  const [view, all] = [seen.total[zoom]!, seen.total[0]!];
  return (
    <div class="functions wide" onKeyDown={key}>
      <table role="treegrid" aria-label="Flame graph as a table">
        <thead>
          <tr>
            <th scope="col">Function; arrow keys walk, open and shut, Enter zooms</th>
            <th scope="col">Total {noun}</th>
            <th scope="col">Self</th>
            <th scope="col">Of all</th>
          </tr>
        </thead>
        <tbody ref={body}>
          {rows.map((row, i) => (
            <tr
              key={row.node}
              tabIndex={i === current ? 0 : -1}
              aria-level={row.level}
              aria-posinset={row.place}
              aria-setsize={row.siblings}
              aria-expanded={row.open ?? undefined}
              aria-current={marks?.[row.node] === 1}
              onClick={() => (setAt(i), toggle(row))}
            >
              <th
                scope="row"
                role="rowheader"
                title={seen.nameOf(row.node)}
                style={{ paddingLeft: `${8 + 14 * Math.min(row.level - 1, 40)}px` }}
              >
                <span class="twist">{row.open === null ? "" : row.open ? "▾" : "▸"}</span>
                <bdi>{seen.nameOf(row.node)}</bdi>
                {row.node > 0 && <span class="note"> {placeTitle(seen.nameOf(row.node), seen.fileOf(row.node))}</span>}
              </th>
              <td role="gridcell" class="amount">
                <span class="value">{amount(seen.total[row.node]!)}</span>
                <span class="share">{percent(seen.total[row.node]!, view)}</span>
                <span class="meter" style={{ width: `${(100 * seen.total[row.node]!) / (view || 1)}%` }} />
              </td>
              <td role="gridcell" class="amount">
                <span class="value">{amount(seen.self[row.node]!)}</span>
                <span class="share">{percent(seen.self[row.node]!, view)}</span>
              </td>
              <td role="gridcell" class="amount">
                {percent(seen.total[row.node]!, all)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="note pad">Of what a function calls, the {MOST_CHILDREN} heaviest are listed.</p>
    </div>
  );
}
