// Every function of the profile.
import { FunctionTable } from "../function_table";
import type { ViewProps } from "./view_props";

export function TableView({ shown, exact, state, set, scheme, zoom, matcher }: ViewProps) {
  return (
    <FunctionTable
      wide
      layout={shown.plain}
      zoom={state.inverted ? 0 : zoom}
      groups={shown.groups}
      exact={exact}
      matcher={matcher}
      by={state.sortTable}
      picked={state.fn}
      hovered={null}
      scheme={scheme}
      onSort={(sortTable) => set({ sortTable })}
      onPick={(fn) => set({ fn })}
      onSandwich={(fn) => set({ fn, view: "sandwich" })}
    />
  );
}
