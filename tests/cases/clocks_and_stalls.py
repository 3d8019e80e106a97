"""Clock steps, stopped recorders, and processes that lock the file."""

import os
import signal
import sqlite3
import subprocess
import time

from support import (
    CASES, WORK, Finding, Recording, built, energy, fresh, joules, need_root, shared_object,
    summary, total_j,
)

BREAK = None if CASES is None else CASES / "break"


def flood():
    return built("flood", BREAK / "flood/src/main.rs")


def skewed(name, seconds):
    folder = shared_object("skew.so", BREAK / "skew.c", "-ldl")
    offset = WORK / f"{name}.offset"
    offset.write_text(str(seconds))
    return offset, {"SKEW": str(offset), "LD_PRELOAD": str(folder / "skew.so")}


def clock_jump():
    database = fresh("jump")
    offset, env = skewed("jump", 0)
    program = flood()
    child = subprocess.Popen(
        [program, "sleep", "9"], env={**os.environ, **env, "DB": str(database)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    time.sleep(1.5)
    offset.write_text("86400")
    time.sleep(1)
    child.kill()
    child.wait()
    energy("--db", database, "attribute", "last")
    seconds = (summary(Recording(database))["run"]["duration_ns"] or 0) / 1e9
    total = total_j(Recording(database))
    return Finding(f"{seconds:.3g} s, {joules(total)}", 1.5 < seconds < 4 and (total or 0) < 100)


def living_run():
    need_root("unshare")
    database = fresh("living")
    _, env = skewed("living", -120)
    child = subprocess.Popen(
        ["unshare", "--uts", "sh", "-c", f"hostname other; exec {flood()} sleep 5"],
        env={**os.environ, **env, "DB": str(database)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    time.sleep(2.5)
    energy("--db", database, "runs")
    child.wait()
    found = summary(Recording(database))
    seconds, total = found["run"]["duration_ns"] / 1e9, found["totals"]["energy_j"]
    sql = """SELECT max(t) FROM (SELECT sum(s.energy_j) AS t FROM samples s JOIN rails r
             ON r.run = s.run AND r.id = s.rail AND r.parent IS NULL
             WHERE s.start_ns >= 0)"""
    sampled = Recording(database).rows(sql)[0][0]
    is_right = found["run"]["status"] == "complete" and seconds > 4.5 and total > 0.9 * sampled
    return Finding(f"{found['run']['status']}, {seconds:.3g} s, {joules(total)} of {joules(sampled)}", is_right)


def stopped():
    database = fresh("stopped")
    env = {
        "DB": str(database), "SRC": "powermetrics", "FAKE_W": "cpu=10,gpu=2,ane=0",
        "TRACING_ENERGY_POWERMETRICS": str(BREAK / "fake_powermetrics.py"),
    }
    child = subprocess.Popen(
        [flood(), "sleep", "14"], env={**os.environ, **env},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    time.sleep(2.5)
    child.send_signal(signal.SIGSTOP)
    time.sleep(10)
    child.send_signal(signal.SIGCONT)
    child.wait()
    cpu = next(r for r in summary(Recording(database))["balance"] if r["rail"] == "cpu")
    whole = cpu["measured_j"] + cpu["extrapolated_j"]
    text = f"peak {cpu['peak_w']:.4g} W, {whole:.4g} J with what is extrapolated"
    return Finding(text, cpu["peak_w"] < 10.6 and abs(whole - 140) < 14)


def losses():
    database = fresh("losses")
    child = subprocess.Popen(
        [flood(), "busy", "6"], env={**os.environ, "DB": str(database)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )
    time.sleep(1.5)
    connection = sqlite3.connect(database, isolation_level=None, timeout=30)
    connection.execute("BEGIN IMMEDIATE")
    time.sleep(12)
    connection.execute("COMMIT")
    out = child.communicate()[0]
    lost = [int(part.split()[0].strip(",;")) for part in out.split("lost: ")[1:]]
    in_file = Recording(database).rows("SELECT total(count) FROM events WHERE kind = 'rows_dropped'")[0][0]
    return Finding(f"lost {lost}, in the file {in_file:.0f}", bool(lost) and lost[0] == int(in_file))


def own_work():
    database = fresh("x01")
    env = {"TRACING_ENERGY_POWERMETRICS": str(CASES / "_tools/fakepm.py"), "MODE": "ok"}
    program = built("spans", CASES / "_tools/spans_main.rs")
    subprocess.run([program, "startup", database], env={**os.environ, **env}, check=True, capture_output=True)
    found = summary(Recording(database))
    idle, total = found["totals"]["idle_j"], found["totals"]["energy_j"]
    is_reported = any("idle" in e or "baseline" in e for e in Recording(database).events())
    return Finding(f"idle {joules(idle)} of {joules(total)}, reported: {is_reported}", idle is None or is_reported)


def cases():
    return [
        ("break/clock_jump_then_kill", "2.5 s, some 30 J", clock_jump),
        ("break/repair_of_a_living_run", "complete, its whole energy", living_run),
        ("break/stopped_recorder", "peak 10 W, 140 J", stopped),
        ("break/losses_are_lost_too", "losses in the file", losses),
        ("x01", "no idle power, or reported", own_work),
    ]
