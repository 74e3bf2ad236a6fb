// Keys that work wherever the focus is, except where text is typed.
import { useEffect, useRef } from "preact/hooks";

// By KeyboardEvent.key, with "Ctrl+" before it (the command key too).
export type KeyMap = Record<string, () => void>;

export function useKeys(keys: KeyMap): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.altKey || typesText(event.target)) return;
      const action = latest.current[(event.ctrlKey || event.metaKey ? "Ctrl+" : "") + event.key];
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
