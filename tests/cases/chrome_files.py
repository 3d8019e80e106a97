"""Chrome traces of other programs, with a power table of 10 W."""

import subprocess
import sys

from support import CASES, WORK, Finding, imported, joules, near, words

# The method `fitted` is not exact on seven seconds of samples.
FIT = 0.02


def trace(file, power="p10.csv", arguments=("--offset", "0")):
    folder = file.rsplit("/", 1)[0]
    return imported(
        file.replace("/", "_"), "chrome", CASES / file,
        "--power", CASES / folder / power, *arguments,
    )


def outer(file, right=32.0, also=()):
    """The energy of the span `outer`; `words` in a message are also accepted."""

    def check():
        process, recording = trace(file)
        text = words(process).strip()
        if process.returncode != 0:
            is_named = bool(also) and all(word in text for word in also)
            return Finding(text.splitlines()[-1][-70:], is_named, True)
        sql = """SELECT n.label, e.inclusive_j FROM nodes n
                 JOIN node_energy e ON e.run = n.run AND e.node = n.id"""
        value = next((j for name, j in recording.rows(sql) if "ter" in name), None)
        return Finding(f"outer {joules(value)} inclusive", near(value, right, FIT))

    return check


def nested():
    process, recording = trace("ch09/ch09_be_unsorted.json")
    if process.returncode != 0:
        return Finding(words(process).strip()[-70:], False, True)
    sql = """SELECT n.label, p.label, e.self_j, e.inclusive_j FROM nodes n
             LEFT JOIN nodes p ON p.run = n.run AND p.id = n.parent
             JOIN node_energy e ON e.run = n.run AND e.node = n.id"""
    rows = {row[0]: row[1:] for row in recording.rows(sql)}
    text = f"inner below {rows.get('inner', ('?',))[0]}, outer own {joules(rows['outer'][1])}"
    own, inclusive = rows["outer"][1:]
    is_right = rows["inner"][0] == "outer" and near(own, 24, FIT) and near(inclusive, 32, FIT)
    return Finding(text, is_right)


def asynchronous():
    process, recording = trace("ch10/ch10_id2.json")
    text = words(process).strip()
    if process.returncode != 0:
        reason = text.replace("ch10_id2.json", "")
        return Finding(reason.splitlines()[-1][-70:], "id2" in reason, True)
    count = recording.rows("SELECT count(*) FROM spans")[0][0]
    return Finding(f"{count} spans", count == 2)


def is_counted(text):
    return "left out" in text or "dropped" in text


def odd_event(file, left):
    """One odd event is left out or read as viewers read it; `left` spans remain."""

    def check():
        process, recording = trace(file)
        text = words(process).strip()
        if process.returncode != 0:
            return Finding(text.splitlines()[-1][-70:], left == 0 and is_counted(text), True)
        count = recording.rows("SELECT count(*) FROM spans")[0][0]
        counted = is_counted(text + " ".join(recording.events()))
        is_right = count >= left and (counted or count > left or left == 2)
        return Finding(f"{count} span(s), dropped events counted: {counted}", is_right)

    return check


def counters_first():
    made = subprocess.run(
        [sys.executable, CASES / "ch14/make.py"], cwd=WORK, capture_output=True, check=True
    )
    del made
    process, recording = imported(
        "ch14", "chrome", WORK / "counters_first.json",
        "--power", CASES / "ch14/p10.csv", "--offset", "0",
    )
    if process.returncode != 0:
        return Finding(words(process).strip()[-70:], False, True)
    count = recording.rows("SELECT count(*) FROM spans")[0][0]
    return Finding(f"{count} span", count == 1)


def later_file():
    file = next((CASES / "ch31").glob("trace-*.json"))
    process, recording = imported("ch31", "chrome", file, "--power", CASES / "ch31/rotE.csv")
    text = words(process).strip()
    if process.returncode != 0:
        return Finding(text.splitlines()[-1][-70:], "start_new" in text, True)
    offset = recording.rows("SELECT max(clock_offset_ns) / 1e6 FROM attributions")[0][0]
    first = recording.rows("SELECT min(start_ns) FROM spans")[0][0]
    is_named = "58" in text or "start_new" in text
    return Finding(f"imported, offset {offset} ms, first span at {first} ns", is_named)


def cases():
    return [
        ("ch02", "outer 32 J", outer("ch02/ch02_ts_text.json", also=("ts is text",))),
        ("ch09", "inner in outer, 24 J own", nested),
        ("ch10", "2 spans, or id2 named", asynchronous),
        ("ch05", "2 spans", odd_event("ch13/ch05_nan.json", 2)),
        ("ch13", "event left out, counted", odd_event("ch13/ch13_dup_key.json", 0)),
        ("ch16", "event left out, counted", odd_event("ch13/ch16_surrogate.json", 0)),
        ("ch17", "event left out, counted", odd_event("ch13/ch17_control_char.json", 0)),
        ("ch18", "event left out, counted", odd_event("ch13/ch18_bad_utf8.json", 0)),
        ("ch14", "1 span", counters_first),
        ("ch31", "58 s found, or named", later_file),
    ]
