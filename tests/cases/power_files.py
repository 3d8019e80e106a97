"""Power recordings of other programs."""

from support import CASES, Finding, imported, joules, near, summary, total_j, words


def measured_j(recording, rail):
    """The measured energy of a rail, or None if it is unknown."""
    for row in summary(recording)["balance"]:
        if row["rail"] == rail:
            is_covered = row.get("covered_ns", 1) != 0
            return row["measured_j"] if is_covered else None
    return None


def rails(file, **right):
    """Imports a file and compares the energy of its rails."""

    def check():
        process, recording = imported(file.replace("/", "_"), "power", CASES / file)
        if process.returncode != 0:
            return Finding(words(process).strip()[-60:], False, True)
        found = {rail: measured_j(recording, rail) for rail in right}
        text = ", ".join(f"{rail} {joules(value)}" for rail, value in found.items())
        is_right = all(near(found[rail], value) for rail, value in right.items())
        return Finding(text, is_right, bool(recording.events()))

    return check


def total_or_refused(file, right, *reason):
    """The total, or a refusal that gives the reason."""

    def check():
        process, recording = imported(file.replace("/", "_"), "power", CASES / file)
        text = words(process).strip()
        if process.returncode != 0:
            return Finding(text.splitlines()[-1][-70:], all(part in text for part in reason), True)
        total = total_j(recording)
        return Finding(joules(total), near(total, right), False)

    return check


def refused(file, *reason):
    """A refusal that gives the reason."""

    def check():
        process, _ = imported(file.replace("/", "_"), "power", CASES / file)
        text = words(process).strip()
        is_right = process.returncode != 0 and all(part in text for part in reason)
        return Finding(text.splitlines()[-1][-70:], is_right, process.returncode != 0)

    return check


def still_counter(file):
    """A counter of 0 while its clusters work: unknown, and reported."""

    def check():
        process, recording = imported(file.replace("/", "_"), "power", CASES / file)
        value = measured_j(recording, "cpu")
        events = [event for event in recording.events() if "cpu" in event.lower()]
        text = f"cpu {joules(value)}, {len(events)} event(s)"
        return Finding(text, value is None and bool(events), bool(events))

    return check


def skipped_line():
    process, recording = imported("pm05", "power", CASES / "pm05/pm05_stderr_first.plist")
    if process.returncode != 0:
        return Finding(words(process).strip()[-70:], False, True)
    total = total_j(recording)
    output = words(process) + " ".join(recording.events())
    is_reported = "skip" in output or "left out" in output or "line" in output
    return Finding(f"{joules(total)}, line reported: {is_reported}", near(total, 51.0) and is_reported)


def one_warning():
    process, recording = imported("pm20", "power", CASES / "pm20/pm20_combined.plist")
    warnings = [line for line in words(process).splitlines() if "ombined" in line]
    events = [event for event in recording.events() if "ombined" in event]
    text = f"{len(warnings)} line(s), {len(events)} event(s), total {joules(total_j(recording))}"
    return Finding(text, len(warnings) <= 1 and len(events) <= 1 and len(warnings + events) > 0)


def absurd_watts():
    process, recording = imported("absurd", "power", CASES / "break/absurd_watts.csv")
    if process.returncode != 0:
        return Finding(words(process).strip()[-70:], "line" in words(process), True)
    total = measured_j(recording, "cpu")
    return Finding(joules(total), near(total, 1.1), bool(recording.events()))


def stray_time():
    process, recording = imported("stray", "power", CASES / "break/one_stamp_of_1970.csv")
    if process.returncode != 0:
        return Finding(words(process).strip()[-70:], "line" in words(process), True)
    seconds = summary(recording)["run"]["duration_ns"] / 1e9
    return Finding(f"a run of {seconds:.4g} s", seconds < 60)


def cases():
    two = "rail gpu has two values at one time"
    return [
        ("pm02", "cpu unknown, reported", still_counter("pm02/pm02_cpu_zero_busy.plist")),
        ("pt08", "cpu unknown, reported", still_counter("pm02/pt08_cpu_zero.txt")),
        ("pm04b", "cpu 45 J, gpu 1 J", rails("pm04b/pm04b_cpu_missing_first.plist", cpu=45, gpu=1)),
        ("pm04", "cpu 50 J, gpu 9 J", rails("pm04b/pm04_gpu_missing_first.plist", cpu=50, gpu=9)),
        ("pt02", "cpu 45 J, gpu 1 J", rails("pm04b/pt02_cpu_missing_first.txt", cpu=45, gpu=1)),
        ("pm05", "51 J, the line reported", skipped_line),
        ("pm09", "cpu 50 J, gpu 0.9 J", rails("pm09/pm09_u64.plist", cpu=50, gpu=0.9)),
        ("pt07", "the sample dropped, reported", huge_text),
        ("v19", "450 J", rails("pm09/v19_huge.csv", gpu=450)),
        ("pm20", "one warning", one_warning),
        ("v01", "1500 J or refused", total_or_refused("v01/v01_two_gpus_same_rail.csv", 1500, two)),
        ("v01c", "1000 J or refused", total_or_refused("v01/v01c_equal_values.csv", 1000, two)),
        ("v01d", "1500 J or refused", total_or_refused("v01/v01d_intervals_same_rail.csv", 1500, two)),
        ("v01e", "1500 J or refused", total_or_refused("v01/v01e_interleaved.csv", 1500, "rail gpu has two values")),
        ("v09", "2200 J", total_or_refused("v09/v09_pkg_dgpu.csv", 2200)),
        ("v09b", "3400 J", total_or_refused("v09/v09b_pkg_gpu0_gpu1.csv", 3400)),
        ("v15", "milliseconds named", refused("v18/v15_ms.csv", "millisecond")),
        ("v18", "line 2, ends before it starts", refused("v18/v18_end_before_start.csv", "line 2", "ends before it starts")),
        ("v20", "single value has no length", refused("v18/v20_one.csv", "single value has no length")),
        ("break/absurd_watts", "1.1 J, or the line", absurd_watts),
        ("break/one_stamp_of_1970", "no run of 56 years", stray_time),
    ]


def huge_text():
    process, recording = imported("pt07", "power", CASES / "pm09/pt07_huge.txt")
    if process.returncode != 0:
        return Finding(words(process).strip()[-70:], False, True)
    total, events = total_j(recording), recording.events()
    is_right = total is not None and total < 60 and bool(events)
    return Finding(f"{joules(total)}, {len(events)} event(s)", is_right, bool(events))
