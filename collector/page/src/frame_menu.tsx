// The menu of one frame, where the pointer or the keyboard's frame is.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { FrameAction } from "./frame_actions";

export interface MenuPlace {
  node: number;
  x: number; // in the window
  y: number;
}

interface Props {
  place: MenuPlace;
  title: string;
  actions: FrameAction[];
  onClose(): void;
}

export function FrameMenu({ place, title, actions, onClose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current!;
    element.style.left = `${Math.max(8, Math.min(place.x, innerWidth - element.offsetWidth - 8))}px`;
    element.style.top = `${Math.max(8, Math.min(place.y, innerHeight - element.offsetHeight - 8))}px`;
    element.querySelector("button")!.focus();
  }, [place]);
  useEffect(() => {
    const away = (event: Event) => box.current?.contains(event.target as Node) || onClose();
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [onClose]);

  const run = (action: FrameAction) => {
    onClose();
    action.run(place.node);
  };
  const key = (event: KeyboardEvent) => {
    const buttons = [...box.current!.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const action = actions.find((one) => one.key === event.key && one.key !== "Enter");
    if (step !== 0) buttons[(at + step + buttons.length) % buttons.length]!.focus();
    else if (action) run(action);
    else if (event.key === "Escape" || event.key === "Tab") onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div class="menu" role="menu" aria-label={`What to do with ${title}`} ref={box} onKeyDown={key}>
      <bdi class="menu-title">{title}</bdi>
      {actions.map((action) => (
        <button key={action.key} role="menuitem" onClick={() => run(action)}>
          {action.title} <kbd>{action.key}</kbd>
        </button>
      ))}
    </div>
  );
}
