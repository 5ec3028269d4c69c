def measure(
    roots: tuple[tuple[int, tuple[bytes, ...], int], ...],
    meter_address: int,
    burst: float,
    deadline: float,
    max_entries: int,
    threads: int,
    polite: bool,
    now: int,
    /,
) -> list[tuple[int, int, int, dict[int, int], bool, int, float, list[tuple[int, bytes, int, int, int]], int, int]]: ...
