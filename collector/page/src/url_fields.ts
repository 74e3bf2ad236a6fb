// How one choice stands in a query string. A field's format writes nothing for its default, and parse takes any text.

export interface Field<T> {
  parse(query: URLSearchParams): T;
  format(value: T, query: URLSearchParams): void;
}

export interface Span {
  from: number; // Unix milliseconds
  to: number;
}

function field<T>(key: string, read: (given: string | null) => T, write: (value: T) => string | null): Field<T> {
  return {
    parse: (query) => read(query.get(key)),
    format: (value, query) => {
      const written = write(value);
      if (written !== null) query.set(key, written);
    },
  };
}

export function oneOf<T extends string>(key: string, allowed: readonly T[], standard: T): Field<T> {
  return field(
    key,
    (given) => allowed.find((word) => word === given) ?? standard,
    (value) => (value === standard ? null : value),
  );
}

export function number(key: string, allowed: readonly number[], standard: number): Field<number> {
  return field(
    key,
    (given) => allowed.find((n) => String(n) === given) ?? standard,
    (value) => (value === standard ? null : String(value)),
  );
}

export function text(key: string, standard = ""): Field<string> {
  return field(
    key,
    (given) => given ?? standard,
    (value) => (value === standard ? null : value),
  );
}

// null is not the same as the empty text.
export function optional(key: string): Field<string | null> {
  return field<string | null>(
    key,
    (given) => given,
    (value) => value,
  );
}

export function list(key: string): Field<string[]> {
  return field(
    key,
    (given) => (given ? given.split(",") : []),
    (values) => (values.length === 0 ? null : values.join(",")),
  );
}

// Any texts, commas in them included: one parameter each.
export function texts(key: string): Field<string[]> {
  return {
    parse: (query) => query.getAll(key),
    format: (values, query) => values.forEach((value) => query.append(key, value)),
  };
}

export function flag(key: string): Field<boolean> {
  return asSelected(key, "1");
}

// true when `key` has exactly this word.
export function asSelected(key: string, word: string): Field<boolean> {
  return field(
    key,
    (given) => given === word,
    (value) => (value ? word : null),
  );
}

// Two instants; null unless both are there and in order.
export function span(fromKey: string, toKey: string): Field<Span | null> {
  return {
    parse: (query) => {
      const [from, to] = [Number(query.get(fromKey)), Number(query.get(toKey))];
      return Number.isSafeInteger(from) && Number.isSafeInteger(to) && from > 0 && from < to ? { from, to } : null;
    },
    format: (value, query) => {
      if (!value) return;
      query.set(fromKey, String(value.from));
      query.set(toKey, String(value.to));
    },
  };
}
