// Fetching for components: keeps what is on screen while the same thing is fetched again, never an answer to another
// question.
import { useEffect, useState } from "preact/hooks";

export interface Loaded<T> {
  question: string; // what `value` answers
  value: T | undefined; // undefined = not known yet
  error: string | null; // of the latest attempt; `value` may be an older answer to the same question
  loading: boolean;
}

// Fetches when `question` or `attempt` changes and cancels what it no longer needs.
export function useLoad<T>(question: string, attempt: number, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ question, value: undefined, error: null, loading: true });

  useEffect(() => {
    const abort = new AbortController();
    setState((old) => ({ ...old, loading: true }));
    load(abort.signal).then(
      (value) => setState({ question, value, error: null, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        setState((old) => ({
          question,
          value: old.question === question ? old.value : undefined,
          error: reason,
          loading: false,
        }));
      },
    );
    return () => abort.abort();
  }, [question, attempt]);

  return state;
}

// Whether a media query holds, followed as it changes.
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const onChange = () => setMatches(list.matches);
    onChange();
    list.addEventListener("change", onChange);
    return () => list.removeEventListener("change", onChange);
  }, [query]);
  return matches;
}
