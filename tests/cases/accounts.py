"""Accounts, files and commands."""

import subprocess

from support import CASES, WORK, ENERGY, Finding, Skip, energy, imported, joules, need, spans, words


def node_a(samples):
    def check():
        process, recording = imported(
            samples, "csv", "--spans", CASES / "x03/x3_spans.csv",
            "--samples", CASES / f"x03/{samples}.csv",
        )
        value = spans(recording).get("a")
        return Finding(f"a {joules(value)}", value is not None and abs(value - 150) <= 0.2)

    return check


def folder():
    process = energy("--db", WORK, "runs")
    text = words(process).strip()
    return Finding(text[:70], process.returncode != 0 and ("folder" in text or "directory" in text))


def python_of_the_folder():
    need("bash", "python3")
    script = CASES / "break/python_from_the_folder.sh"
    process = subprocess.run(
        ["bash", script], env={"E": str(ENERGY), "PATH": "/usr/local/bin:/usr/bin:/bin:/root/.cargo/bin"},
        capture_output=True, text=True, timeout=300,
    )
    ran = "ran" in process.stdout
    return Finding("pip.py of the folder ran" if ran else "nothing of the folder ran", not ran)


def cases():
    return [
        ("x03 above", "a 150 J", node_a("x3_above")),
        ("x03 below", "a 150 J", node_a("x3_below")),
        ("sq_dir", "reports that it is a folder", folder),
        ("break/python_from_the_folder", "nothing of it runs", python_of_the_folder),
    ]
