// Where the host's time went: every service's time, by what it went to.
import type { Overview as Answer, ServiceTime, Window } from "./api";
import { duration, percent, plural, timeRange } from "./format";
import { serviceTitle } from "./service_picker";
import { PARTS, sortServices, sumOf, timeOf, unknownTime, withoutIdle } from "./shares";
import { GroupChart } from "./time/group_chart";
import { useTimeline } from "./time/use_timeline";
import type { OverviewColumn, ViewState } from "./url_state";
import type { SetState } from "./use_url_state";

const FEW = 6;

const CHART_HEIGHT = 150;

interface Props {
  answer: Answer;
  state: ViewState;
  set: SetState;
  window: Window;
}

export function Overview({ answer, state, set, window }: Props) {
  const host = sumOf(answer.services);
  const sorted = sortServices(answer.services, state.sortOverview);
  const shown = state.allServices ? sorted : sorted.filter((t, i) => i < FEW || t.service === state.service);
  const isKnown = state.service === null || answer.services.some((time) => time.service === state.service);
  const everyStack = { ...state, focus: "", ignore: "" };
  const timeline = useTimeline("wall", everyStack, "reason", window, isKnown && !state.overviewShut);
  const row = { busy: state.busyBars, onSelect: (service: string | null) => set({ service, zoom: null }) };
  return (
    <section class="card" aria-label="Where the time went">
      <div class="card-head">
        <h2>Where the time went</h2>
        <p class="note">
          {timeRange(answer.from_ms, answer.to_ms)} · {plural(answer.services.length, "service")} ·{" "}
          {plural(answer.profiles, "profile")}
        </p>
        {!state.overviewShut && !timeline.value && <Legend withUnknown={unknownTime(host) > 0} />}
        <button
          class="bars"
          aria-pressed={state.busyBars}
          title="Threads mostly wait for work: leave idle time and sleep out of bars and chart to see the rest (w)"
          onClick={() => set({ busyBars: !state.busyBars })}
        >
          Without idle <kbd>w</kbd>
        </button>
        <button
          aria-expanded={!state.overviewShut}
          title="Open or shut this table (o)"
          onClick={() => set({ overviewShut: !state.overviewShut }, "replace")}
        >
          {state.overviewShut ? "Open" : "Shut"} <kbd>o</kbd>
        </button>
      </div>
      {!state.overviewShut && (
        <>
          {timeline.value && (
            <GroupChart
              timeline={timeline.value}
              window={window}
              busyOnly={state.busyBars}
              height={CHART_HEIGHT}
              theme={state.theme}
              onRange={(pinned) => set({ pinned, live: false })}
            />
          )}
          <div class="scroll-x">
            <table class="services">
              <Head by={state.sortOverview} onSort={(sortOverview) => set({ sortOverview })} />
              <tbody>
                <Row time={host} host={host} name={null} selected={state.service === null} {...row} />
                {shown.map((time) => (
                  <Row
                    key={time.service}
                    time={time}
                    host={host}
                    name={time.service}
                    selected={state.service === time.service}
                    {...row}
                  />
                ))}
              </tbody>
            </table>
          </div>
          <div class="card-foot">
            {sorted.length > FEW && (
              <button class="quiet" onClick={() => set({ allServices: !state.allServices })}>
                {state.allServices ? "Show fewer" : `Show all ${sorted.length} services`}
              </button>
            )}
            <p class="note">
              Times are thread time: 8 threads over one minute live 8 min. The bar divides a service's own time; a
              percentage is its share of the host's total in that column.
            </p>
          </div>
        </>
      )}
    </section>
  );
}

function Legend({ withUnknown }: { withUnknown: boolean }) {
  return (
    <ul class="legend">
      {PARTS.map((part) => (
        <li key={part.column} title={part.help}>
          <span class={`swatch ${part.column}`} /> {part.title}
        </li>
      ))}
      {withUnknown && (
        <li title="wall time whose reason is not known">
          <span class="swatch unknown" /> Unknown
        </li>
      )}
    </ul>
  );
}

function Head({ by, onSort }: { by: OverviewColumn; onSort(by: OverviewColumn): void }) {
  const cell = (column: OverviewColumn, title: string, help: string) => (
    <th scope="col" aria-sort={by === column ? (column === "service" ? "ascending" : "descending") : undefined}>
      <button class="sort" title={help} onClick={() => onSort(column)}>
        {title}
        <span class="arrow">{by === column ? (column === "service" ? " ▴" : " ▾") : ""}</span>
      </button>
    </th>
  );
  return (
    <thead>
      <tr>
        {cell("service", "Service", "Sort by name")}
        <th scope="col">How its time divides</th>
        {PARTS.map((part) => cell(part.column, part.title, `Time ${part.help}`))}
        {cell("wall", "Wall", "All the time its threads lived")}
      </tr>
    </thead>
  );
}

interface RowProps {
  time: ServiceTime;
  host: ServiceTime;
  name: string | null; // null: the whole host
  selected: boolean;
  busy: boolean; // the bar leaves out time without work
  onSelect(service: string | null): void;
}

function Row({ time, host, name, selected, busy, onSelect }: RowProps) {
  const title = serviceTitle(name);
  return (
    <tr class={name === null ? "host" : undefined} aria-current={selected} onClick={() => onSelect(name)}>
      <th scope="row">
        <button class="row-name" title={title}>
          <bdi>{title}</bdi>
        </button>
      </th>
      <td>
        <Bar time={busy ? withoutIdle(time) : time} />
      </td>
      {PARTS.map((part) => (
        <Cell key={part.column} value={timeOf(part, time)} whole={timeOf(part, host)} column={part.column} />
      ))}
      <Cell value={time.wall_ns} whole={host.wall_ns} column="wall" />
    </tr>
  );
}

function Bar({ time }: { time: ServiceTime }) {
  const rest = unknownTime(time);
  const whole = PARTS.reduce((sum, part) => sum + timeOf(part, time), rest);
  const present = PARTS.filter((part) => timeOf(part, time) > 0);
  const text = present.map((part) => `${part.title} ${percent(timeOf(part, time), whole)}`).join(", ");
  const full = rest > 0 ? `${text}, Unknown ${percent(rest, whole)}` : text;
  return (
    <div class="stack" role="img" aria-label={full} title={full}>
      {PARTS.map((part) => (
        <span key={part.column} class={part.column} style={{ flexGrow: timeOf(part, time) / (whole || 1) }} />
      ))}
      <span class="unknown" style={{ flexGrow: rest / (whole || 1) }} />
    </div>
  );
}

function Cell({ value, whole, column }: { value: number; whole: number; column: string }) {
  if (value === 0) return <td class="amount note">–</td>;
  const share = whole > 0 ? (100 * value) / whole : 0;
  return (
    <td class="amount">
      <span class="value">{duration(value)}</span> <span class="share">{percent(value, whole)}</span>
      <span class={`meter ${column}`} style={{ width: `${share}%` }} />
    </td>
  );
}
