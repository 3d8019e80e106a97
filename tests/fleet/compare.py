#!/usr/bin/env python3
"""Compares the answers of engines about a fleet with those of Python, and with each other.

    tests/fleet/compare.py TOOLS ROOT ENGINE... [--wide] [--together] [--only=NAME,...]

TOOLS is made by `tests/fleet/install`, ROOT by `tests/fleet/simulate` or `energy fleet push`. Integers
must be equal, other numbers equal to 1e-12, and rows in the same order. Apart from the last digit of
such numbers, the JSON of all engines must be the same text. `--wide`: a sum must exceed 64 bits.
`--together`: the engines answer at the same time, so that times mean nothing. Exit code 1: a difference.
"""

import math
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import oracle
from counted import Fleet, read
from engines import Reply

VERSIONS = ["--a", "version=2.3.0", "--b", "version=2.4.0"]


def cases(root):
    """Yields `(question, options, answer)`."""
    fleet = Fleet(root)
    for name in ("hosts", "services", "operations", "tokens", "balance"):
        yield name, [], getattr(oracle, name)(fleet)
    yield "change", VERSIONS, oracle.change(fleet, (None, None, "2.3.0"), (None, None, "2.4.0"))
    for threshold in (3.5, 0):
        options = ["--threshold", str(threshold)]
        yield "outliers", options, oracle.outliers(fleet, threshold)
    traces = {row["trace_id"] for row in read(root, "requests")} - {None}
    trace = min(traces, default="none")
    yield "trace", ["--trace-id", trace], oracle.trace(fleet, trace)
    days = sorted({row["date"] for row in fleet.table("runs")})
    # The simulated fleet has runs that end on the second day, and begin on the first one.
    second = days[len(days) // 2]
    first = max((day for day in days if day < second), default=second)
    sides = ["--a", f"..{first}", "--b", second]
    answer = oracle.change(fleet, (None, first, None), (second, second, None))
    yield "change", sides, answer
    between = Fleet(root, first, second)
    for name in ("operations", "tokens"):
        yield name, ["--since", first, "--until", second], getattr(oracle, name)(between)
    # Only the last buckets of some runs.
    late = days[-2:][0]
    yield "services", ["--since", late], oracle.services(Fleet(root, late))


def difference(expected, found):
    """Returns the first difference of two answers, or None."""
    for place, (right, row) in enumerate(zip(expected, found)):
        for name, value in right.items():
            if not is_equal(name, value, row.get(name), tolerance(name, right)):
                return f"row {place}: {name} is {row.get(name)}, not {value}"
    if len(expected) != len(found):
        return f"{len(found)} rows, not {len(expected)}"
    return None


def tolerance(name, row):
    """Differences of nearly equal numbers: 1e-12 of what was subtracted."""
    if name in ("z", "change"):
        return 1e-12
    return 1e-12 * row["b_nj"] / 1e9 if name == "difference_j" and row["b_nj"] else 0.0


def is_equal(name, right, value, absolute):
    if name.endswith("_nj"):
        return (None if value is None else int(value)) == right
    if isinstance(right, float) and isinstance(value, (int, float)):
        return math.isclose(right, value, rel_tol=1e-12, abs_tol=abs(absolute))
    return right == value


def same_text(replies):
    """The first line in which the JSON of two engines differs by more than the digits of a ratio."""
    first, *others = [[rounded(line) for line in reply.text.splitlines()] for reply in replies]
    for other in others:
        for right, line in zip(first, other):
            if right != line:
                return f"`{line.strip()}`, not `{right.strip()}`"
        if len(first) != len(other):
            return "another number of lines"
    return None


def rounded(line):
    """The line with numbers that have a fraction as 12 digits."""
    return re.sub(r"-?\d+\.\d+(e-?\d+)?", lambda number: f"{float(number[0]):.11e}", line)


def main(tools, root, *words):
    engines = [word for word in words if not word.startswith("--")]
    only = [word.removeprefix("--only=").split(",") for word in words if word.startswith("--only=")]
    wrong, sums = 0, []
    print(f"{'question':<40} {'rows':>5}  " + "  ".join(f"{engine:>22}" for engine in engines))
    for name, options, answer in cases(root):
        if only and name not in only[0]:
            continue
        line = f"{' '.join([name, *options])[:40]:<40} {len(answer):>5}  "
        sums += [value for row in answer for key, value in row.items() if key.endswith("_nj") and value]
        reply_of = partial(Reply, tools, root, name=name, options=options)
        with ThreadPoolExecutor(len(engines) if "--together" in words else 1) as pool:
            replies = list(pool.map(reply_of, engines))
        for reply in replies:
            problem = difference(answer, reply.rows)
            wrong += problem is not None
            line += f"{reply.question:8.2f} s, {reply.preparation:5.1f} s up  "
            if problem:
                line += f"WRONG: {problem}  "
        problem = same_text(replies)
        wrong += problem is not None
        print(line.rstrip() + (f"  OTHER TEXT: {problem}" if problem else ""), flush=True)
    print(f"greatest sum: {max(sums)} nJ, {max(sums) / 2**63:.1f} times what 64 bits hold")
    print(f"{wrong} wrong")
    return 1 if wrong or "--wide" in words and max(sums) < 2**63 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
