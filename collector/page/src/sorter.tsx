// The head of a column by which a table of functions can be sorted.

interface SorterProps {
  title: string;
  column: "self" | "total";
  by: "self" | "total";
  help: string;
  onSort(by: "self" | "total"): void;
}

export function Sorter({ title, column, by, help, onSort }: SorterProps) {
  return (
    <th scope="col" aria-sort={by === column ? "descending" : undefined}>
      <button class="sort" title={help} onClick={() => onSort(column)}>
        {title}
        <span class="arrow">{by === column ? " ▾" : ""}</span>
      </button>
    </th>
  );
}
