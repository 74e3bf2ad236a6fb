// A dialog over the page: Escape, a click beside it and its button close it.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  open: boolean;
  title: string;
  onClose(): void;
  children: ComponentChildren;
}

export function Dialog({ open, title, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // At once, so that the next key is the dialog's.
  useLayoutEffect(() => {
    if (open) dialog.current!.showModal();
    else dialog.current!.close();
  }, [open]);
  return (
    <dialog
      ref={dialog}
      onClose={onClose}
      aria-label={title}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div class="dialog-head">
        <h2>{title}</h2>
        <button onClick={onClose}>Close</button>
      </div>
      {open && children}
    </dialog>
  );
}
