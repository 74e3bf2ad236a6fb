// The views of one profile.
import { VIEWS, type View } from "./url_state";

export const VIEW_TEXT: Record<View, { title: string; help: string }> = {
  flame: { title: "Flame graph", help: "Every stack, as wide as its value, with the heaviest functions beside it" },
  table: { title: "Table", help: "Every function, by its own value and with all it calls" },
  sandwich: { title: "Sandwich", help: "One function: who calls it, and what it calls" },
  time: { title: "Time", help: "How it changed over time, and how long waits were" },
  diff: { title: "Diff", help: "What became more and what became less, between two times or services" },
  waits: { title: "Waits", help: "What threads waited for, how often and how long, with what to do about it" },
  tree: { title: "Tree", help: "The flame graph as a table whose rows open: for keyboards and screen readers" },
};

interface Props {
  views?: readonly View[];
  view: View;
  onView(view: View): void;
}

export function ViewTabs({ views = VIEWS, view, onView }: Props) {
  return (
    <div class="segments" role="group" aria-label="View">
      {views.map((one) => (
        <button
          key={one}
          aria-pressed={view === one}
          title={`${VIEW_TEXT[one].help} (${VIEWS.indexOf(one) + 1})`}
          onClick={() => onView(one)}
        >
          {VIEW_TEXT[one].title} <kbd>{VIEWS.indexOf(one) + 1}</kbd>
        </button>
      ))}
    </div>
  );
}
