// The heaviest functions of the view, linked with the graph: hovering outlines their frames, clicking picks them out.
import { useMemo } from "preact/hooks";
import { fileFill, fileTitle, type Scheme } from "./colors";
import type { FunctionName } from "./flame_canvas";
import { count, percent } from "./format";
import type { FlameLayout } from "./layout";
import type { Matcher } from "./search";
import { sortRows, topFunctions, type FunctionRow } from "./top_functions";

const MOST_ROWS = 200;

interface Props {
  layout: FlameLayout;
  zoom: number;
  grouped: boolean;
  matcher: Matcher | null;
  by: "self" | "total";
  picked: string | null;
  hovered: FunctionName | null;
  scheme: Scheme;
  onSort(by: "self" | "total"): void;
  onPick(name: string | null): void;
  onHover(fn: FunctionName | null): void;
}

export function FunctionTable(props: Props) {
  const { layout, zoom, matcher, by } = props;
  const view = layout.total[zoom]!;
  const all = useMemo(() => topFunctions(layout, zoom, props.grouped ? 2 : 1), [layout, zoom, props.grouped]);
  const fitting = useMemo(() => {
    const rows = matcher ? all.filter((row) => matcher.test(row.name) || matcher.test(row.file)) : all;
    return sortRows(rows, by);
  }, [all, matcher, by]);
  return (
    <div class="functions" onMouseLeave={() => props.onHover(null)}>
      <table>
        <thead>
          <tr>
            <th scope="col">{matcher ? "Functions found" : zoom > 0 ? "Functions in this view" : "Top functions"}</th>
            <Sorter
              title="Self"
              column="self"
              by={by}
              help="In the function itself, without what it calls"
              onSort={props.onSort}
            />
            <Sorter
              title="Total"
              column="total"
              by={by}
              help="In the function and all it calls"
              onSort={props.onSort}
            />
          </tr>
        </thead>
        <tbody>
          {fitting.slice(0, MOST_ROWS).map((row) => (
            <Row key={`${row.file}\n${row.name}`} row={row} view={view} amount={layout.measure.amount} {...rowState(row, props)} />
          ))}
        </tbody>
      </table>
      {fitting.length === 0 && <p class="note pad">No function matches.</p>}
      {fitting.length > MOST_ROWS && (
        <p class="note pad">and {count(fitting.length - MOST_ROWS)} more; search narrows the list.</p>
      )}
    </div>
  );
}

function rowState(row: FunctionRow, props: Props) {
  const picked = props.picked === row.name;
  return {
    picked,
    hovered: props.hovered?.name === row.name && props.hovered.file === row.file,
    color: fileFill(row.file, row.name, props.scheme),
    onPick: () => props.onPick(picked ? null : row.name),
    onHover: () => props.onHover({ name: row.name, file: row.file }),
  };
}

interface SorterProps {
  title: string;
  column: "self" | "total";
  by: "self" | "total";
  help: string;
  onSort(by: "self" | "total"): void;
}

function Sorter({ title, column, by, help, onSort }: SorterProps) {
  return (
    <th scope="col" aria-sort={by === column ? "descending" : undefined}>
      <button class="sort" title={help} onClick={() => onSort(column)}>
        {title}
        <span class="arrow">{by === column ? " ▾" : ""}</span>
      </button>
    </th>
  );
}

interface RowProps {
  row: FunctionRow;
  view: number;
  amount: (value: number) => string;
  picked: boolean;
  hovered: boolean;
  color: string;
  onPick(): void;
  onHover(): void;
}

function Row({ row, view, amount, picked, hovered, color, onPick, onHover }: RowProps) {
  return (
    <tr class={hovered ? "hovered" : undefined} aria-current={picked} onClick={onPick} onMouseEnter={onHover}>
      <th scope="row">
        <button class="row-name" title={row.name} onFocus={onHover}>
          <span class="swatch" style={{ background: color }} />
          <bdi>{row.name}</bdi>
        </button>
        <span class="note" title={row.file}>
          {row.file === row.name ? "not a function" : fileTitle(row.file)}
        </span>
      </th>
      <Amount text={amount(row.self)} value={row.self} view={view} />
      <Amount text={amount(row.total)} value={row.total} view={view} />
    </tr>
  );
}

function Amount({ text, value, view }: { text: string; value: number; view: number }) {
  return (
    <td class="amount">
      <span class="value">{text}</span>
      <span class="share">{percent(value, view)}</span>
      <span class="meter self" style={{ width: `${view > 0 ? Math.min(100, (100 * value) / view) : 0}%` }} />
    </td>
  );
}
