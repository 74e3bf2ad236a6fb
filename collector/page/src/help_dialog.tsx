// All keys - each has a button on the page as well - and how to read what the page shows.
import { Dialog } from "./dialog";
import { KIND_TEXT } from "./kinds";
import { REASONS } from "./reasons";
import { PARTS } from "./shares";
import { KINDS, VIEWS } from "./url_state";
import { VIEW_TEXT } from "./view_tabs";

const KEYS: [keys: string, action: string][] = [
  [`1 … ${VIEWS.length}`, `views: ${VIEWS.map((view) => VIEW_TEXT[view].title.toLowerCase()).join(", ")}`],
  ["k", "the next kind: on-CPU, off-CPU, wall, faults"],
  ["S T", "choose a service; choose a day, or any two instants"],
  ["/ Ctrl+F", "search; a regular expression, or plain text where it is none"],
  ["n N a", "the next find, the one before; whether capital letters always matter"],
  ["\\", "filters"],
  ["Esc", "clear the search, then the zoom"],
  ["click", "zoom to a frame; on a frame above it, back up to that one"],
  ["right click, m", "what can be done with a frame"],
  ["f x", "with the frame pointed at: only stacks with it; drop stacks with it (or a click with Alt)"],
  ["C", "with the frame pointed at: fold all that it calls into it, wherever it stands; again to unfold"],
  ["s t v", "with the frame pointed at: its callers and callees; show it in the table; show it over time"],
  ["y Y", "with the frame pointed at: copy its name; copy its stack"],
  ["← → ↑ ↓", "in the graph: move from frame to frame"],
  ["Home End", "in the graph: the zoomed frame; the end of its heaviest path"],
  ["Enter", "in the graph: zoom to the frame"],
  ["0 Backspace", "reset the zoom; one frame up"],
  ["Ctrl+wheel", "over the graph: a frame in towards the pointer; a frame out"],
  ["i", "inverted: innermost frames first"],
  ["r", "recursion: kept, merged into one frame where it is direct, merged"],
  ["g c", "group by the next label; colour by the next property"],
  ["[ ] + -", "the time before; the time after; half of it; twice of it"],
  ["h .", "hold this time; live: refresh every 10 seconds"],
  ["b", "mark this time, service and labels as the base of the difference"],
  ["e u", "export; copy the address of this view"],
  ["o w", "open or shut the overview; leave idle time and sleep out of it"],
  ["D", "dark, light, or as the system"],
  ["?", "this list"],
];

export function HelpDialog({ open, onClose }: { open: boolean; onClose(): void }) {
  return (
    <Dialog open={open} title="Keys and reading" onClose={onClose}>
      <Keys />
      <h3>Reading a flame graph</h3>
      <p>
        Each box is a function, and the boxes below it are what it called: a column from the top down is one stack. A
        box is as wide as its value, so look for wide boxes, not for deep ones; left and right mean nothing, the heavier
        is left.
      </p>
      <p>
        <em>Total</em> is a function with all it calls, <em>self</em> is what it did itself: where a box is wider than
        the boxes below it together. A wide box with no wide box below it is where the value is; a wide box high up says
        which part of the program led there.
      </p>
      <p>
        In <em>Off-CPU</em> the value is time that threads waited. Mostly they wait for work, which is no problem:
        filter by reason, or look at the view Waits first. “(other)” is what was too small to be sent; “[stack cut: …]”
        is a stack whose outer part is not known.
      </p>
      <h3>Kinds</h3>
      <dl>
        {KINDS.map((kind) => (
          <Term key={kind} name={KIND_TEXT[kind].title} text={KIND_TEXT[kind].help} />
        ))}
      </dl>
      <h3>What threads wait for</h3>
      {PARTS.map((part) => (
        <section key={part.group}>
          <h4 class={part.column}>
            <span class="swatch" /> {part.title}
          </h4>
          <dl>
            {Object.entries(REASONS)
              .filter(([, reason]) => reason.group === part.group)
              .map(([name, reason]) => (
                <Term key={name} name={name} text={`${reason.means} ${reason.advice}`} />
              ))}
          </dl>
        </section>
      ))}
    </Dialog>
  );
}

function Keys() {
  return (
    <table>
      <tbody>
        {KEYS.map(([keys, action]) => (
          <tr key={keys}>
            <th scope="row">
              <kbd>{keys}</kbd>
            </th>
            <td>{action}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Term({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{text}</dd>
    </>
  );
}
