// What a reader must know besides the graph: nothing stored, no answer, losses.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Series } from "./api";
import { plural, visible } from "./format";
import { KIND_TEXT } from "./kinds";
import { toKind } from "./page_keys";
import { serviceTitle } from "./service_picker";
import { KINDS, type ViewState } from "./url_state";
import type { SetState } from "./use_url_state";

export function Failure({ reason, onRetry }: { reason: string; onRetry(): void }) {
  return (
    <div class="notice bad" role="alert">
      <p>
        <strong>No answer from the collector:</strong> {reason}
      </p>
      <p class="note">What is shown below, if anything, is from before.</p>
      <button onClick={onRetry}>Try again</button>
    </div>
  );
}

// What the graph cannot show: losses and fallbacks in the agent's own words, and what the page sees itself.
export function Notes({ notes }: { notes: string[] }) {
  const [open, setOpen] = useState(false);
  if (notes.length === 0) return null;
  const few = open ? notes : notes.slice(0, 2);
  return (
    <div class="notice warn" role="note">
      <ul>
        {few.map((note) => (
          <li key={note}>{visible(note)}</li>
        ))}
      </ul>
      {notes.length > 2 && (
        <button class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Show fewer" : `Show all ${notes.length} notes`}
        </button>
      )}
    </div>
  );
}

export function Note({ children }: { children: ComponentChildren }) {
  return (
    <div class="notice" role="note">
      {children}
    </div>
  );
}

interface EmptyProps {
  state: ViewState;
  set: SetState;
  series: Series[]; // what the window does hold
}

// Instead of a graph, when nothing is stored for what was asked.
export function NothingStored({ state, set, series }: EmptyProps) {
  const others = KINDS.map((kind) => ({ kind, profiles: profilesOf(series, kind, state.service) })).filter(
    (o) => o.kind !== state.kind && o.profiles > 0,
  );
  const when = state.pinned ? "in this window" : `in the last ${state.range}`;
  const nothingAtAll = series.length === 0;
  return (
    <div class="empty">
      <h3>{nothingAtAll ? `Nothing stored ${when} yet` : `No ${KIND_TEXT[state.kind].title} profile ${when}`}</h3>
      <p>
        {nothingAtAll
          ? "The collector has no profile of any kind for this time."
          : `Nothing of this kind is stored for “${serviceTitle(state.service)}”.`}
      </p>
      {nothingAtAll && (
        <ol>
          <li>
            Is the agent running? <code>agentctl status</code> says so, and when something is wrong, what.
          </li>
          <li>
            If not, start <code>sonde-agent</code> as root. It pushes to the collector of its own host.
          </li>
          <li>The first profiles come when its first window ends: a minute or two after the start.</li>
        </ol>
      )}
      <div class="choices">
        {others.map(({ kind, profiles }) => (
          <button key={kind} onClick={() => set(toKind(kind, state))}>
            {KIND_TEXT[kind].title}: {plural(profiles, "profile")}
          </button>
        ))}
        {state.service !== null && <button onClick={() => set({ service: null })}>All services</button>}
        {(state.pinned || state.range !== "24h") && (
          <button onClick={() => set({ range: "24h", pinned: null })}>Look at the last 24h</button>
        )}
      </div>
      {!state.pinned && <p class="note">This page looks again every 5 seconds.</p>}
    </div>
  );
}

function profilesOf(series: Series[], kind: string, service: string | null): number {
  return series
    .filter((s) => s.kind === kind && (service === null || (s.labels["service_name"] ?? "") === service))
    .reduce((sum, s) => sum + s.profiles, 0);
}
