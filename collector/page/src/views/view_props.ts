// What every view of a profile is given.
import type { Window } from "../api";
import type { Scheme } from "../colors";
import type { FrameAction } from "../frame_actions";
import type { Matcher } from "../search";
import type { FunctionRow } from "../top_functions";
import type { ViewState } from "../url_state";
import type { Graph, Shown } from "../use_shown";
import type { SetState } from "../use_url_state";

export interface ViewProps {
  graph: Graph;
  shown: Shown;
  state: ViewState;
  set: SetState;
  window: Window;
  scheme: Scheme;
  exact: FunctionRow[] | null; // the heaviest functions of all stacks, where the tree is cut
  title: string; // of what the profile is
  zoom: number; // node of `shown.seen`
  onZoom(node: number): void;
  matcher: Matcher | null;
  marks: Uint8Array | null; // of `shown.seen`
  actions: FrameAction[]; // on nodes of `shown.seen`
  sought: { node: number } | null;
  onPoint(node: number): void;
}
