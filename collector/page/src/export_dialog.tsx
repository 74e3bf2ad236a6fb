// What is shown, as a file for other tools, and its address. All but the pprof are made here, of the stacks that the
// filters leave.
import { useState } from "preact/hooks";
import { pprofAddress, type Window } from "./api";
import { copyText } from "./clipboard";
import { LIGHT } from "./colors";
import { Dialog } from "./dialog";
import { foldedText } from "./export/folded";
import { oneFile, partsHere } from "./export/one_file";
import { speedscopeText } from "./export/speedscope";
import { svgText } from "./export/svg";
import { timeRange } from "./format";
import { FramePaint } from "./frame_colors";
import { coloringOf } from "./graph_tools";
import { KIND_TEXT } from "./kinds";
import { serviceTitle } from "./service_picker";
import { formatState, type ViewState } from "./url_state";
import { rootOf, useShown, type Graph } from "./use_shown";

interface Props {
  onClose(): void;
  graph: Graph;
  state: ViewState;
  window: Window;
}

export function ExportDialog({ onClose, graph, state, window }: Props) {
  const [copied, setCopied] = useState(false);
  const { plain, seen, underReasons } = useShown(graph, state);
  const { flame } = graph;
  const title = `${KIND_TEXT[flame.kind].title} of ${serviceTitle(state.service)}, ${timeRange(flame.from_ms, flame.to_ms)}`;
  const stem = `${flame.kind}-${(state.service ?? "all").replace(/[^\w.-]+/g, "_")}`;
  const unit = flame.unit === "nanoseconds" || flame.unit === "bytes" ? flame.unit : "none";
  const picture = () => {
    const zoom = (state.zoom !== null && seen.findPath(state.zoom)) || 0;
    return svgText(seen, zoom, new FramePaint(seen, LIGHT, coloringOf(state), underReasons), title);
  };
  const page = async () =>
    oneFile(
      { flame, root: rootOf(state), query: formatState({ ...state, pinned: window, live: false }) },
      title,
      await partsHere(),
    );
  const copy = () => void copyText(heldAddress(state, window)).then(() => setCopied(true));
  return (
    <Dialog open title="Export" onClose={onClose}>
      <p class="note">
        Files hold the stacks that the filters leave; pprof has all functions, with the labels of every sample.
      </p>
      <div class="choices">
        <a
          class="button"
          href={pprofAddress(state.kind, state, window)}
          download={`${stem}.pb.gz`}
          title="For go tool pprof and others"
        >
          pprof
        </a>
        <Save
          title="Folded stacks"
          help="One stack a line, for flamegraph.pl and scripts"
          name={`${stem}.folded`}
          text={() => foldedText(plain)}
        />
        <Save
          title="speedscope"
          help="For speedscope's page or program"
          name={`${stem}.speedscope.json`}
          text={() => speedscopeText(plain, { title, unit })}
        />
        <Save title="SVG" help="A picture of the graph as it is zoomed" name={`${stem}.svg`} text={picture} />
        <Save
          title="HTML"
          help="This page with this profile in one file, to send and to keep"
          name={`${stem}.html`}
          text={page}
        />
        <button
          title="The address of this view, with its time held: it shows the same later, to whoever reaches this collector (u)"
          onClick={copy}
        >
          {copied ? "Link copied" : "Copy link"} <kbd>u</kbd>
        </button>
      </div>
    </Dialog>
  );
}

export function heldAddress(state: ViewState, window: Window): string {
  return location.origin + location.pathname + formatState({ ...state, pinned: window, live: false });
}

interface SaveProps {
  title: string;
  help: string;
  name: string;
  text(): string | Promise<string>;
}

function Save({ title, help, name, text }: SaveProps) {
  const save = async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([await text()]));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  return (
    <button title={help} onClick={() => void save()}>
      {title}
    </button>
  );
}
