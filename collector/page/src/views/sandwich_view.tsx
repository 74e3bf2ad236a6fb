// One function in the middle, its callers above, what it calls below.
import { useMemo, useState } from "preact/hooks";
import { FlameCanvas } from "../flame_canvas";
import { percent } from "../format";
import { FunctionTable } from "../function_table";
import { coloringOf } from "../graph_tools";
import { FlameLayout } from "../layout";
import { sortRows, topFunctions } from "../top_functions";
import { sandwich } from "../tree/turned";
import type { ViewProps } from "./view_props";

export function SandwichView({ shown, exact, state, set, scheme, matcher }: ViewProps) {
  const { plain } = shown;
  const name = useMemo(() => state.fn ?? heaviest(plain, shown.groups), [state.fn, plain, shown.groups]);
  const halves = useMemo(() => {
    const sides = sandwich(plain, name);
    return (
      sides && {
        ...sides,
        callers: new FlameLayout(sides.callers, plain.measure, null, name),
        callees: new FlameLayout(sides.callees, plain.measure, null, name),
      }
    );
  }, [plain, name]);
  const [outlined, setOutlined] = useState<{ name: string; file: string } | null>(null);
  const half = {
    scheme,
    coloring: coloringOf(state),
    underReasons: false,
    zoom: 0,
    marks: null,
    outlined,
    onHover: setOutlined,
  };
  // The root is the function itself, which is in the middle already.
  const turnTo = (layout: FlameLayout) => (node: number) =>
    node > 0 && set({ fn: layout.names[layout.name[node]!]!, search: "" });
  return (
    <div class="split">
      <div class="sandwich">
        {!halves && <p class="note pad">“{name}” is not in this profile: choose a function from the table.</p>}
        {halves && (
          <>
            <h3 class="note pad">Callers, nearest first</h3>
            <FlameCanvas
              {...half}
              upward
              layout={halves.callers}
              label={`Callers of ${name}`}
              onZoom={turnTo(halves.callers)}
            />
            <p class="pivot">
              <bdi>{name}</bdi>
              <span>
                total {plain.measure.amount(halves.total)} ({percent(halves.total, plain.total[0]!)}) · self{" "}
                {plain.measure.amount(halves.self)} ({percent(halves.self, plain.total[0]!)})
              </span>
            </p>
            <FlameCanvas
              {...half}
              layout={halves.callees}
              label={`What ${name} calls`}
              onZoom={turnTo(halves.callees)}
            />
            <h3 class="note pad">What it calls. A click puts that function in the middle.</h3>
          </>
        )}
      </div>
      <FunctionTable
        layout={plain}
        zoom={0}
        groups={shown.groups}
        exact={exact}
        matcher={matcher}
        by={state.sortTable}
        picked={name}
        hovered={outlined}
        scheme={scheme}
        onSort={(sortTable) => set({ sortTable })}
        onPick={(fn) => fn !== null && set({ fn })}
        onHover={setOutlined}
      />
    </div>
  );
}

function heaviest(layout: FlameLayout, groups: number): string {
  const rows = topFunctions(layout, 0, groups + 1).filter((row) => row.name !== "(other)");
  return sortRows(rows, "self")[0]?.name ?? "";
}
