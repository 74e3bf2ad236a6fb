// The view state as a hook: what is set goes to the address bar, and Back and Forward bring it back.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { formatState, parseState, type ViewState } from "./url_state";

// "replace" for what changes with every key stroke, so that Back does not step through letters.
export type SetState = (patch: Partial<ViewState>, how?: "push" | "replace") => void;

export function useUrlState(): [ViewState, SetState] {
  const [state, setState] = useState(() => parseState(location.search));
  const latest = useRef(state);

  const adopt = useCallback((next: ViewState) => {
    latest.current = next;
    setState(next);
  }, []);

  useEffect(() => {
    const onPop = () => adopt(parseState(location.search));
    addEventListener("popstate", onPop);
    return () => removeEventListener("popstate", onPop);
  }, [adopt]);

  const change = useCallback<SetState>(
    (patch, how = "push") => {
      const next = { ...latest.current, ...patch };
      const address = location.pathname + formatState(next);
      if (address !== location.pathname + location.search) {
        if (how === "push") history.pushState(null, "", address);
        else history.replaceState(null, "", address);
      }
      adopt(next);
    },
    [adopt],
  );
  return [state, change];
}
