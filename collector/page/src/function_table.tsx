// The heaviest functions of the view, linked with the graph: hovering outlines their frames, clicking picks them out.
import { useMemo } from "preact/hooks";
import type { Scheme } from "./colors";
import type { FunctionName } from "./flame_canvas";
import { count, duration, percent } from "./format";
import { fileFill, placeTitle } from "./frame_colors";
import type { FlameLayout } from "./layout";
import type { Matcher } from "./search";
import { Sorter } from "./sorter";
import { sortRows, topFunctions, type FunctionRow } from "./top_functions";

const MOST_ROWS = 200;

interface Props {
  wide?: boolean; // fills the card, and has what a narrow one has no room for
  layout: FlameLayout;
  zoom: number;
  groups: number; // frames at the top that are groups and no functions
  exact: FunctionRow[] | null; // of all stacks, for the whole; null = the tree is all there is
  matcher: Matcher | null;
  by: "self" | "total";
  picked: string | null;
  hovered: FunctionName | null;
  scheme: Scheme;
  onSort(by: "self" | "total"): void;
  onPick(name: string | null): void;
  onHover?(fn: FunctionName | null): void;
  onSandwich?(name: string): void;
}

export function FunctionTable(props: Props) {
  const { layout, zoom, matcher, by } = props;
  const view = layout.total[zoom]!;
  const shown = useMemo(() => functionsOf(layout, zoom, props.groups + 1), [layout, zoom, props.groups]);
  const all = (zoom === 0 && props.exact) || shown;
  const fitting = useMemo(() => {
    const rows = matcher ? all.filter((row) => matcher.test(row.name) || matcher.test(row.file)) : all;
    return sortRows(rows, by);
  }, [all, matcher, by]);
  return (
    <div class={props.wide ? "functions wide" : "functions"} onMouseLeave={() => props.onHover?.(null)}>
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
            {props.wide && <th scope="col">{layout.waits[0]! > 0 ? "Waits, mean" : ""}</th>}
            {props.onSandwich && <th scope="col">Look</th>}
          </tr>
        </thead>
        <tbody>
          {fitting.slice(0, MOST_ROWS).map((row) => (
            <Row
              key={`${row.file}\n${row.name}`}
              row={row}
              view={view}
              amount={layout.measure.amount}
              wide={props.wide === true}
              {...rowState(row, props)}
            />
          ))}
        </tbody>
      </table>
      {all === shown && layout.names.includes("(other)") && (
        <p class="note pad">Without what is folded into “(other)”.</p>
      )}
      {fitting.length === 0 && <p class="note pad">No function matches.</p>}
      {fitting.length > MOST_ROWS && (
        <p class="note pad">and {count(fitting.length - MOST_ROWS)} more; search narrows the list.</p>
      )}
    </div>
  );
}

// What was folded into "(other)" is no function: the line above the graph tells how much it is.
function functionsOf(layout: FlameLayout, zoom: number, firstDepth: number): FunctionRow[] {
  return topFunctions(layout, zoom, firstDepth).filter((row) => row.name !== "(other)");
}

function rowState(row: FunctionRow, props: Props) {
  const picked = props.picked === row.name;
  return {
    picked,
    hovered: props.hovered?.name === row.name && props.hovered.file === row.file,
    color: fileFill(row.file, row.name, props.scheme),
    onPick: () => props.onPick(picked ? null : row.name),
    onHover: () => props.onHover?.({ name: row.name, file: row.file }),
    onSandwich: props.onSandwich && (() => props.onSandwich!(row.name)),
  };
}

interface RowProps {
  row: FunctionRow;
  view: number;
  amount: (value: number) => string;
  picked: boolean;
  hovered: boolean;
  color: string;
  wide: boolean;
  onPick(): void;
  onHover(): void;
  onSandwich: (() => void) | undefined;
}

function Row({ row, view, amount, picked, hovered, color, wide, onPick, onHover, onSandwich }: RowProps) {
  return (
    <tr class={hovered ? "hovered" : undefined} aria-current={picked} onClick={onPick} onMouseEnter={onHover}>
      <th scope="row">
        <button class="row-name" title={row.name} onFocus={onHover}>
          <span class="swatch" style={{ background: color }} />
          <bdi>{row.name}</bdi>
        </button>
        <span class="note" title={row.file}>
          {placeTitle(row.name, row.file)}
        </span>
      </th>
      <Amount text={amount(row.self)} value={row.self} view={view} />
      <Amount text={amount(row.total)} value={row.total} view={view} />
      {wide && (
        <td class="amount">
          {row.waits > 0 && (
            <>
              <span class="value">{count(row.waits)}</span>
              <span class="share">{duration(row.total / row.waits)} each</span>
            </>
          )}
        </td>
      )}
      {onSandwich && (
        <td>
          <button
            title={`Who calls ${row.name}, and what it calls`}
            onClick={(event) => (event.stopPropagation(), onSandwich())}
          >
            Sandwich
          </button>
        </td>
      )}
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
