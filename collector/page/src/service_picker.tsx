// Choice of a service: a text field that narrows a list.
import { useRef, useState } from "preact/hooks";
import type { Series } from "./api";
import { plural, visible } from "./format";
import { useKeys } from "./use_keys";

export interface ServiceChoice {
  service: string;
  note: string; // how much there is of it
}

interface Props {
  choices: ServiceChoice[];
  selected: string | null;
  onSelect(service: string | null): void;
}

export function serviceTitle(service: string | null): string {
  if (service === null) return "All services";
  return service === "" ? "(no service name)" : visible(service);
}

// Every service of the window, with what there is of the chosen kind.
export function choicesOf(series: Series[], kind: string): ServiceChoice[] {
  const profiles = new Map<string, number>();
  for (const one of series) {
    const service = one.labels["service_name"] ?? "";
    profiles.set(service, (profiles.get(service) ?? 0) + (one.kind === kind ? one.profiles : 0));
  }
  return [...profiles]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([service, n]) => ({ service, note: n === 0 ? "other kinds only" : plural(n, "profile") }));
}

export function ServicePicker({ choices, selected, onSelect }: Props) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  useKeys({ S: () => field.current!.focus() });
  const wanted = text.toLowerCase();
  const named = choices.filter((c) => serviceTitle(c.service).toLowerCase().includes(wanted));
  const fitting: (ServiceChoice | null)[] = wanted === "" ? [null, ...named] : named;

  const choose = (choice: ServiceChoice | null | undefined) => {
    if (choice === undefined) return;
    onSelect(choice && choice.service);
    field.current!.blur();
  };

  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(fitting.length - 1, open ? at + 1 : 0));
    else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter" && open) choose(fitting[at]);
    else if (event.key === "Escape") field.current!.blur();
    else return;
    if (event.key.startsWith("Arrow")) setOpen(true);
    event.preventDefault();
  };

  return (
    <div class="picker">
      <input
        ref={field}
        type="text"
        role="combobox"
        aria-label="Service"
        title="Choose a service (S)"
        aria-expanded={open}
        aria-controls="services"
        aria-activedescendant={open ? `service-${at}` : undefined}
        autoComplete="off"
        spellcheck={false}
        placeholder={open ? "type to narrow…" : undefined}
        value={open ? text : serviceTitle(selected)}
        onFocus={() => (setOpen(true), setText(""), setAt(0))}
        onBlur={() => setOpen(false)}
        onInput={(event) => (setText(event.currentTarget.value), setAt(0), setOpen(true))}
        onKeyDown={onKey}
      />
      {open && (
        <ul id="services" role="listbox">
          {fitting.map((choice, i) => (
            <li
              key={choice ? `s${choice.service}` : "all"}
              id={`service-${i}`}
              role="option"
              aria-selected={(choice && choice.service) === selected}
              class={i === at ? "at" : undefined}
              onMouseDown={(event) => (event.preventDefault(), choose(choice))}
            >
              <bdi>{serviceTitle(choice && choice.service)}</bdi>
              <span class="note">{choice ? choice.note : "the whole host"}</span>
            </li>
          ))}
          {fitting.length === 0 && <li class="note">No service has “{text}” in its name.</li>}
        </ul>
      )}
    </div>
  );
}
