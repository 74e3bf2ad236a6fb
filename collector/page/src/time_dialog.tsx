// Any time of the past: two instants in the reader's time zone, or a day.
import { useState } from "preact/hooks";
import { Dialog } from "./dialog";
import { dayOf, type ViewState } from "./url_state";
import type { Span } from "./url_fields";
import type { SetState } from "./use_url_state";

const DAYS: [title: string, daysAgo: number][] = [
  ["Yesterday", 1],
  ["Today", 0],
  ["The day before yesterday", 2],
  ["A week ago", 7],
];

interface Props {
  open: boolean;
  state: ViewState;
  set: SetState;
  window: Span;
  onClose(): void;
}

export function TimeDialog({ open, state, set, window, onClose }: Props) {
  const choose = (pinned: Span) => {
    set({ pinned, live: false });
    onClose();
  };
  return (
    <Dialog open={open} title="Which time" onClose={onClose}>
      <div class="choices" role="group" aria-label="A day">
        {DAYS.map(([title, daysAgo]) => (
          <button key={title} autofocus={daysAgo === 1} onClick={() => choose(dayOf(Date.now(), daysAgo))}>
            {title}
          </button>
        ))}
      </div>
      <Instants window={state.pinned ?? window} onChoose={choose} />
    </Dialog>
  );
}

function Instants({ window, onChoose }: { window: Span; onChoose(span: Span): void }) {
  const [from, setFrom] = useState(localText(window.from));
  const [to, setTo] = useState(localText(window.to));
  const span = { from: new Date(from).getTime(), to: new Date(to).getTime() };
  const isSpan = span.from < span.to; // not when one is no instant
  const submit = (event: Event) => {
    event.preventDefault();
    if (isSpan) onChoose(span);
  };
  return (
    <form class="choices" onSubmit={submit}>
      <Instant title="From" value={from} onInput={setFrom} />
      <Instant title="to" value={to} onInput={setTo} />
      <button disabled={!isSpan} title={isSpan ? "Show this time (Enter)" : "The second instant must be after the first"}>
        Show
      </button>
    </form>
  );
}

function Instant({ title, value, onInput }: { title: string; value: string; onInput(text: string): void }) {
  return (
    <label class="instant">
      {title}{" "}
      <input
        type="datetime-local"
        step="1"
        required
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

// As the field takes it: "2026-11-30T22:28:36", in the reader's time zone.
function localText(ms: number): string {
  const at = new Date(ms);
  return new Date(ms - 60_000 * at.getTimezoneOffset()).toISOString().slice(0, 19);
}
