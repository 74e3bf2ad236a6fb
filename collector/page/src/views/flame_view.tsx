// The flame graph with its way, legend and functions.
import { useState } from "preact/hooks";
import { Breadcrumb } from "../breadcrumb";
import { FlameCanvas, type FunctionName } from "../flame_canvas";
import { FrameMenu, type MenuPlace } from "../frame_menu";
import { exactly } from "../frame_actions";
import { FunctionTable } from "../function_table";
import { coloringOf } from "../graph_tools";
import { Legend } from "../legend";
import type { ColorBy } from "../url_state";
import type { ViewProps } from "./view_props";

export function FlameView(props: ViewProps) {
  const { shown, state, set, scheme, title, zoom, onZoom, matcher, actions } = props;
  const { plain, seen, underReasons } = shown;
  const coloring = coloringOf(state);
  const [hovered, setHovered] = useState<FunctionName | null>(null);
  const [outlined, setOutlined] = useState<FunctionName | null>(null);
  const [menu, setMenu] = useState<MenuPlace | null>(null);
  const pick = (by: ColorBy, key: string) =>
    set(by === "reason" ? { reasons: [key], zoom: null } : { search: exactly(key), fn: null });
  return (
    <>
      <Breadcrumb layout={seen} zoom={zoom} onZoom={onZoom} />
      <div class="split">
        <div>
          <FlameCanvas
            layout={seen}
            scheme={scheme}
            label={`Flame graph, ${title}, ${seen.measure.amount(seen.total[0]!)}`}
            coloring={coloring}
            underReasons={underReasons}
            zoom={zoom}
            marks={props.marks}
            outlined={outlined}
            sought={props.sought}
            onZoom={onZoom}
            onHover={setHovered}
            onPoint={props.onPoint}
            onMenu={(node, x, y) => setMenu({ node, x, y })}
            onDrop={actions.find(({ key }) => key === "x")!.run}
          />
          <Legend
            layout={seen}
            zoom={zoom}
            scheme={scheme}
            by={coloring}
            underReasons={underReasons}
            onPick={pick}
          />
        </div>
        <FunctionTable
          layout={plain}
          zoom={state.inverted ? 0 : zoom}
          groups={shown.groups}
          exact={props.exact}
          matcher={matcher}
          by={state.sortTable}
          picked={state.fn}
          hovered={hovered}
          scheme={scheme}
          onSort={(sortTable) => set({ sortTable })}
          onPick={(fn) => set({ fn, search: "" })}
          onHover={setOutlined}
        />
      </div>
      {menu && menu.node < seen.size && (
        <FrameMenu place={menu} title={seen.nameOf(menu.node)} actions={actions} onClose={() => setMenu(null)} />
      )}
    </>
  );
}
