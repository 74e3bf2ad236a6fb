// All keys; each has a button on the page as well.
import { useEffect, useRef } from "preact/hooks";

const KEYS: [keys: string, action: string][] = [
  ["click", "zoom to a frame; on a frame above it, back up to that one"],
  ["/", "search; a regular expression, or plain text where it is none"],
  ["Esc", "clear the search, then the zoom"],
  ["0", "reset the zoom"],
  ["Backspace", "one frame up"],
  ["← → ↑ ↓", "in the graph: move from frame to frame"],
  ["Home End", "in the graph: the zoomed frame; the end of its heaviest path"],
  ["Enter", "in the graph: zoom to the frame"],
  ["g", "group by wait reason (off-CPU and wall)"],
  [".", "live: refresh every 10 seconds"],
  ["?", "this list"],
];

export function KeysDialog({ open, onClose }: { open: boolean; onClose(): void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (open) dialog.current!.showModal();
    else dialog.current!.close();
  }, [open]);
  return (
    <dialog ref={dialog} onClose={onClose} aria-label="All keys">
      <h2>Keys</h2>
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
      <button onClick={onClose}>Close</button>
    </dialog>
  );
}
