// Keys that work wherever the focus is, except where text is typed.
import { useEffect, useRef } from "preact/hooks";

export type KeyMap = Record<string, () => void>;

export function useKeys(keys: KeyMap): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || typesText(event.target)) return;
      const action = latest.current[event.key];
      if (!action) return;
      event.preventDefault();
      action();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
}

function typesText(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, select, textarea, dialog, dialog *");
}
