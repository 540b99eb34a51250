"""Results, as a table of Markdown that grows row by row."""


def print_table_head(*columns: str) -> None:
    print_row(*columns)
    print("|" + "---|" * len(columns))


def print_row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)
