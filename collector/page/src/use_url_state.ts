// The view state as a hook: what is set goes to the address bar, and Back and Forward bring it back.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { formatState, parseState, type ViewState } from "./url_state";

// "replace" for what changes with every key stroke, so that Back does not step through letters.
export type SetState = (patch: Partial<ViewState>, how?: "push" | "replace") => void;

// `initial`: of a page saved in a file, which keeps its state behind a "#" (browsers let a file change nothing else of
// its address), what to begin with where there is none.
export function useUrlState(initial?: string): [ViewState, SetState] {
  const inFile = initial !== undefined;
  const read = () => parseState(inFile ? location.hash.slice(1) || initial : location.search);
  const [state, setState] = useState(read);
  const latest = useRef(state);

  const adopt = useCallback((next: ViewState) => {
    latest.current = next;
    setState(next);
  }, []);

  useEffect(() => {
    const onPop = () => adopt(read());
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, [adopt]);

  const change = useCallback<SetState>(
    (patch, how = "push") => {
      const next = { ...latest.current, ...patch };
      const address = inFile ? `#${formatState(next)}` : location.pathname + formatState(next);
      const now = inFile ? location.hash : location.pathname + location.search;
      if (address !== now) {
        if (how === "push") history.pushState(null, "", address);
        else history.replaceState(null, "", address);
      }
      adopt(next);
    },
    [adopt],
  );
  return [state, change];
}
