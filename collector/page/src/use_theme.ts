// The chosen theme on the document's root, where the style sheet looks for it.
import { useLayoutEffect } from "preact/hooks";
import type { ViewState } from "./url_state";

export function useTheme(theme: ViewState["theme"]): void {
  useLayoutEffect(() => {
    if (theme === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }, [theme]);
}
