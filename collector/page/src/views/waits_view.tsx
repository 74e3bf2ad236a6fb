// What threads waited for: each reason with how long and how often, where, and what to do about it.
import { useMemo } from "preact/hooks";
import type { WaitLengths } from "../api_time";
import { count, duration, percent, plural } from "../format";
import { exactly } from "../frame_actions";
import { fileTitle, reasonFill } from "../frame_colors";
import { KIND_TEXT } from "../kinds";
import { Note } from "../notices";
import { groupOf, REASONS } from "../reasons";
import { waitsByReason, type WaitPlace, type WaitReason } from "../tree/waits";
import { usePercentiles, type Percentiles } from "../use_percentiles";
import { shapedLayout } from "../use_shown";
import type { ViewProps } from "./view_props";

const PLACES = 5;
// Filters by function apply; how the graph is drawn does not.
const UNDER_REASONS = { group: "reason", reasons: [], folded: [], recursion: "kept" as const };

export function WaitsView(props: ViewProps) {
  const { graph, state, set } = props;
  const percentiles = usePercentiles(state, props.window);
  const reasons = useMemo(
    () => (graph.underReasons ? waitsByReason(shapedLayout(graph, { ...state, ...UNDER_REASONS })) : []),
    [graph, state.focus, state.ignore],
  );
  if (!KIND_TEXT[state.kind].hasReasons) {
    return (
      <Note>
        Profiles of the kind {KIND_TEXT[state.kind].title} have no waits.{" "}
        <button onClick={() => set({ kind: "offcpu", zoom: null })}>Look at Off-CPU</button>
      </Note>
    );
  }
  if (!graph.underReasons) {
    return (
      <Note>
        The profile is grouped by {state.group}. <button onClick={() => set({ group: "" })}>Do not group</button>
      </Note>
    );
  }
  const asked = reasons.filter(({ reason }) => state.reasons.length === 0 || state.reasons.includes(reason));
  const isIdle = ({ reason }: WaitReason) => groupOf(reason) === "idle";
  // Those for work come last: they are most of the time, and seldom what is looked for.
  const chosen = [...asked.filter((one) => !isIdle(one)), ...asked.filter(isIdle)];
  const whole = reasons.reduce((sum, { total }) => sum + total, 0);
  return (
    <div class="waits scroll-x">
      <table>
        <thead>
          <tr>
            <th scope="col">Reason</th>
            <th scope="col">Time</th>
            <th scope="col">Waits</th>
            <th scope="col">Mean</th>
            {percentiles && <th scope="col">Lengths</th>}
            <th scope="col">Where, and in what</th>
          </tr>
        </thead>
        <tbody>
          {chosen.map((one) => (
            <Row key={one.reason} one={one} whole={whole} percentiles={percentiles} {...props} />
          ))}
        </tbody>
      </table>
      <p class="note pad">
        Who is at the other side - the peer of a socket, the holder of a lock, the disk's request - is looked at only
        while somebody asks: <code>agentctl peers</code>, <code>agentctl locks</code>, <code>agentctl waits</code>,{" "}
        <code>agentctl disks</code>.
        {percentiles && <> {howLengthsAreKnown(percentiles)}</>}
      </p>
    </div>
  );
}

function howLengthsAreKnown(percentiles: Percentiles): string {
  const all = [...percentiles.values()];
  if (all.every((one) => one.counted)) {
    return (
      "Lengths are those of all waits, counted in steps that double: right to a factor of two, and no wait was longer " +
      "than the longest."
    );
  }
  const which = all.some((one) => one.counted) ? "Some lengths (≈)" : "Lengths (≈)";
  return (
    `${which} are estimates, each wait taken to be as long as the mean of its stack in its window: of some stacks ` +
    "alone there is no more, nor of senders that do not count. Where short and long waits share a stack, medians come " +
    "out much too long."
  );
}

interface RowProps extends ViewProps {
  one: WaitReason;
  whole: number;
  percentiles: Percentiles | null;
}

function Row({ one, whole, percentiles, state, set, scheme }: RowProps) {
  const text = REASONS[one.reason];
  const lengths = percentiles?.get(one.reason);
  const only = state.reasons.length === 1 && state.reasons[0] === one.reason;
  return (
    <tr class={groupOf(one.reason).replace("-", "_")}>
      <th scope="row">
        <button
          class="row-name"
          aria-pressed={only}
          title={only ? "Show all reasons" : "Only this reason"}
          onClick={() => set({ reasons: only ? [] : [one.reason] })}
        >
          <span class="swatch" style={{ background: reasonFill(one.reason, "", scheme) }} />
          {one.reason}
        </button>
        {text && (
          <p class="note">
            {text.means} {text.advice}
          </p>
        )}
      </th>
      <td class="amount">
        <span class="value">{duration(one.total)}</span>
        <span class="share">{percent(one.total, whole)}</span>
        <span class="meter" style={{ width: `${(100 * one.total) / (whole || 1)}%` }} />
      </td>
      <td class="amount">{one.waits > 0 ? count(one.waits) : "–"}</td>
      <td class="amount">{one.waits > 0 ? duration(one.total / one.waits) : "–"}</td>
      {percentiles && (
        <td class="amount">{lengths ? <Lengths of={lengths} /> : "–"}</td>
      )}
      <td>
        <ul class="places">
          {one.places.slice(0, PLACES).map((place) => (
            <Place
              key={`${place.name}\n${place.inside}`}
              place={place}
              whole={one.total}
              onLook={() => set({ view: "flame", reasons: [one.reason], focus: exactly(place.name), zoom: null })}
            />
          ))}
          {one.places.length > PLACES && <li class="note">and {plural(one.places.length - PLACES, "more place")}</li>}
        </ul>
      </td>
    </tr>
  );
}

function Lengths({ of }: { of: WaitLengths }) {
  const about = of.counted ? "" : "≈ ";
  return (
    <dl class="lengths">
      <dt>p50</dt>
      <dd>{about + duration(of.p50)}</dd>
      <dt>p90</dt>
      <dd>{about + duration(of.p90)}</dd>
      <dt>p99</dt>
      <dd>{about + duration(of.p99)}</dd>
      <dt>longest</dt>
      <dd>{about + duration(of.max)}</dd>
    </dl>
  );
}

function Place({ place, whole, onLook }: { place: WaitPlace; whole: number; onLook(): void }) {
  return (
    <li>
      <button class="quiet" title={`${place.file || "no file known"}: see its stacks`} onClick={onLook}>
        <bdi>{place.name}</bdi>
      </button>
      <span class="note">
        {place.inside !== place.name && (
          <>
            {" in "}
            <bdi>{place.inside}</bdi>
          </>
        )}
        {place.file !== "" && place.file !== place.name && ` · ${fileTitle(place.file)}`} · {duration(place.total)} (
        {percent(place.total, whole)})
      </span>
    </li>
  );
}
