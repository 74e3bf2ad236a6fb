// The functions that changed most between two profiles.
import { useMemo } from "preact/hooks";
import type { FunctionName } from "./flame_canvas";
import { percent } from "./format";
import { placeTitle } from "./frame_colors";
import type { FlameLayout } from "./layout";
import type { Matcher } from "./search";
import { Sorter } from "./sorter";
import { functionChanges, sortChanges, type FunctionChange } from "./tree/changes";

const MOST_ROWS = 200;

interface Props {
  before: FlameLayout;
  after: FlameLayout;
  factor: number; // scales `before`
  groups: number;
  matcher: Matcher | null;
  exact: FunctionChange[] | null; // of all stacks; null = the trees are all there is
  by: "self" | "total";
  hovered: FunctionName | null;
  onSort(by: "self" | "total"): void;
  onHover(fn: FunctionName | null): void;
}

export function ChangeTable(props: Props) {
  const { before, after, factor, groups, matcher, by } = props;
  const shown = useMemo(() => functionChanges(before, after, factor, groups), [before, after, factor, groups]);
  const all = props.exact ?? shown;
  const rows = useMemo(() => {
    const fitting = matcher ? all.filter((row) => matcher.test(row.name) || matcher.test(row.file)) : all;
    return sortChanges(fitting, by).slice(0, MOST_ROWS);
  }, [all, matcher, by]);
  const whole = { before: before.total[0]! * factor, after: after.total[0]! };
  return (
    <div class="functions changes" onMouseLeave={() => props.onHover(null)}>
      <table>
        <thead>
          <tr>
            <th scope="col">Function</th>
            <Sorter title="Self" column="self" by={by} help="Change in the function itself" onSort={props.onSort} />
            <Sorter title="Total" column="total" by={by} help="Change in it and all it calls" onSort={props.onSort} />
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={`${row.file}\n${row.name}`}
              class={props.hovered?.name === row.name && props.hovered.file === row.file ? "hovered" : undefined}
              onMouseEnter={() => props.onHover(row)}
            >
              <th scope="row" title={row.name}>
                <bdi class="cut">{row.name}</bdi>
                <span class="note">{placeTitle(row.name, row.file)}</span>
              </th>
              <Changed row={row} column="self" whole={whole} amount={after.measure.amount} />
              <Changed row={row} column="total" whole={whole} amount={after.measure.amount} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ChangedProps {
  row: FunctionChange;
  column: "self" | "total";
  whole: { before: number; after: number };
  amount(value: number): string;
}

function Changed({ row, column, whole, amount }: ChangedProps) {
  const [before, after] = [row.before[column], row.after[column]];
  const change = after - before;
  const bound = row.noise[column];
  const text = `${amount(before)} before, ${amount(after)} now`;
  return (
    <td class="amount" title={bound === null ? text : `${text}; chance alone makes up to ±${amount(bound)}`}>
      <span class="value">
        {bound !== null && Math.abs(change) < bound ? "≈ " : ""}
        {change > 0 ? "+" : ""}
        {amount(change)}
      </span>
      <span class="share">
        {percent(before, whole.before)} → {percent(after, whole.after)}
      </span>
    </td>
  );
}
