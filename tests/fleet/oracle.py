"""Answers all questions with Python's integers and fractions, independently of the SQL."""

from fractions import Fraction
from statistics import median

from counted import grouped, last, most, total

NANO = 10**9


def ratio(a, b):
    """a / b, exact until it becomes a float; None without a divisor."""
    if a is None or not b:
        return None
    return float(Fraction(a) / Fraction(b))


def per(nj, count):
    """Joules per unit."""
    return None if nj is None or not count else float(Fraction(nj, NANO) / count)


def greatest(rows, name):
    return max((row[name] for row in rows if row[name] is not None), default=None)


def distinct(rows, name):
    return len({row[name] for row in rows if row[name] is not None})


def sums(rows, *names):
    return {name: total(row[name] for row in rows) for name in names}


def run_totals(fleet):
    """One dict per run: what ran and its sums over root rails."""
    packs = grouped((p for p in fleet.table("packs") if p["table_name"] == "runs"), "host_id", "run")
    accounts = grouped((a for a in fleet.table("accounts") if a["root"]), "host_id", "run")
    phases = grouped((p for p in fleet.table("phases") if p["root"]), "host_id", "run")
    for which, rows in grouped(fleet.table("runs"), "host_id", "run").items():
        is_whole = which in fleet.finals and len(packs[which]) == len(rows)
        # The last bucket alone may have the number of the whole run.
        last = max(row["bucket"] for row in packs[which])
        is_last = which in fleet.finals and [row["bucket"] for row in rows] == [last]
        found = {"host_id": which[0], "run": which[1], "first_date": min(r["date"] for r in rows)}
        for name in ("host", "service", "model", "precision", "chip", "program_version"):
            found[name] = greatest(rows, name)
        for name in ("requests", "input_tokens", "output_tokens"):
            is_counted = all(row[name] is not None for row in rows) and not is_last
            is_known = is_whole or is_counted
            found[name] = total(row[name] for row in rows) if is_known else None
        found["energy_nj"] = energy(accounts[which], sum(row["duration_ns"] for row in rows))
        found["work_nj"] = work(phases[which])
        found.update(sums(accounts[which], "measured_nj", "idle_nj", "spans_nj"))
        tokens = (found["input_tokens"], found["output_tokens"])
        found["tokens"] = None if None in tokens else sum(tokens)
        yield found


def energy(accounts, duration):
    """Measured plus extrapolated energy of root rails, if all are known for half of the run."""
    rails = grouped(accounts, "rail").values()
    for rows in rails:
        covered = sum(row["covered_ns"] for row in rows)
        if 2 * covered < duration or any(row["measured_nj"] is None for row in rows):
            return None
    if not rails:
        return None
    return sum(row["measured_nj"] + (row["extrapolated_nj"] or 0) for row in accounts)


def work(phases):
    """Energy of all phases on root rails, if samples cover half of them on each rail."""
    for rows in grouped(phases, "rail").values():
        covered, duration = (sum(row[name] for row in rows) for name in ("covered_ns", "duration_ns"))
        if 2 * covered < duration:
            return None
    measured = total(row["measured_nj"] for row in phases)
    extrapolated = total(row["extrapolated_nj"] for row in phases)
    return None if measured is None else measured + (extrapolated or 0)


def union(times):
    """The length of the union of intervals."""
    length, end = 0, None
    for first, last_ in sorted(times):
        length += max(0, last_ - max(first, end or first))
        end = max(last_, end or last_)
    return length


def hosts(fleet):
    accounts = grouped((a for a in fleet.table("accounts") if a["root"]), "host_id")
    names = ("measured_nj", "idle_nj", "spans_nj", "other_processes_nj", "unknown_nj")
    answer = []
    for (host_id,), rows in grouped(fleet.table("runs"), "host_id").items():
        own = accounts[host_id,]
        powers = []
        for rail in grouped(own, "rail").values():
            known = [row for row in rail if row["measured_nj"] is not None]
            powers.append(ratio(total(row["measured_nj"] for row in known),
                                total(row["covered_ns"] for row in known)))
        answer.append({
            "host_id": host_id, "host": greatest(rows, "host"), "chip": greatest(rows, "chip"),
            "services": distinct(rows, "service"), "runs": distinct(rows, "run"),
            **sums(own, *names), "mean_w": total(powers),
            "coverage": ratio(total(r["covered_ns"] for r in own), total(r["duration_ns"] for r in own)),
            "runs_ns": sum(r["bucket_end_unix_ns"] - r["bucket_start_unix_ns"] for r in rows),
            "recorded_ns": union((r["bucket_start_unix_ns"], r["bucket_end_unix_ns"]) for r in rows),
        })
    return sorted(answer, key=lambda row: (most(row["measured_nj"]), row["host_id"]))


def services(fleet):
    answer = []
    for (service,), runs in grouped(run_totals(fleet), "service").items():
        paid = [run for run in runs if run["energy_nj"] is not None]
        served = [run for run in paid if run["requests"] is not None]
        spoken = [run for run in paid if run["tokens"] is not None]
        answer.append({
            "service": service, "hosts": distinct(runs, "host_id"), "runs": len(runs),
            **sums(runs, "requests", "tokens", "measured_nj", "idle_nj", "spans_nj"),
            "j_per_request": per(total(r["energy_nj"] for r in served), total(r["requests"] for r in served)),
            "j_per_token": per(total(r["energy_nj"] for r in spoken), total(r["tokens"] for r in spoken)),
        })
    return sorted(answer, key=lambda row: (most(row["measured_nj"]), last(row["service"])))


def packed_kinds(fleet):
    """Operations of each pack, summed over root rails."""
    roots = (row for row in fleet.table("kinds") if row["root"])
    for which, rows in grouped(roots, "service", "kind", "role", "host_id", "run", "bucket").items():
        service, kind, role, host_id, run, _ = which
        yield {
            "service": service, "kind": kind, "role": role, "host_id": host_id, "run": run,
            "date": rows[0]["date"], "activations": greatest(rows, "activations"),
            "self_ns": greatest(rows, "self_ns"), **sums(rows, "self_nj", "idle_nj"),
        }


def operations(fleet):
    answer = []
    packed = list(packed_kinds(fleet))
    everything = total(row["self_nj"] for row in packed)
    for (service, kind, role), rows in grouped(packed, "service", "kind", "role").items():
        found = sums(rows, "activations", "self_ns", "self_nj", "idle_nj")
        answer.append({
            "service": service, "kind": kind, "role": role, "hosts": distinct(rows, "host_id"),
            "runs": distinct(rows, "run"), **found,
            "j_per_activation": per(found["self_nj"], found["activations"]),
            "share": ratio(found["self_nj"], everything),
        })
    return sorted(answer, key=lambda row: (
        most(row["self_nj"]), last(row["service"]), row["kind"], last(row["role"])))


def tokens(fleet):
    known = [{**run, "energy_nj": run["work_nj"]} for run in run_totals(fleet)
             if run["model"] and run["work_nj"] is not None and (run["tokens"] or 0) > 0]
    answer = []
    for (model, precision, chip), runs in grouped(known, "model", "precision", "chip").items():
        found = sums(runs, "input_tokens", "output_tokens", "energy_nj")
        answer.append({
            "model": model, "precision": precision, "chip": chip,
            "hosts": distinct(runs, "host_id"), "runs": len(runs), **found,
            "j_per_token": per(found["energy_nj"], found["input_tokens"] + found["output_tokens"]),
            "j_per_output_token": per(found["energy_nj"], found["output_tokens"]),
            "median_j_per_token": median(per(run["energy_nj"], run["tokens"]) for run in runs),
        })
    return sorted(answer, key=lambda row: (
        row["j_per_token"], row["model"], last(row["precision"]), last(row["chip"])))


def is_within(row, side):
    since, until, version = side
    return (since or "") <= row["date"] <= (until or "9999") and (
        version is None or row["program_version"] == version)


def change(fleet, a, b):
    """Sides are `(since, until, version)`."""
    runs = list(run_totals(fleet))
    versions = {(run["host_id"], run["run"]): run["program_version"] for run in runs}
    measured = []
    for place, unit, name in ((1, "request", "requests"), (2, "token", "tokens")):
        measured += [{"place": place, "unit": unit, "kind": None, "role": None, "units": run[name],
                      "date": run["first_date"], **run} for run in runs]
    for row in packed_kinds(fleet):
        measured.append({"place": 3, "unit": "span entry", "units": row["activations"],
                         "energy_nj": row["self_nj"],
                         "program_version": versions[row["host_id"], row["run"]], **row})
    measured = [row for row in measured if row["units"] is not None and row["energy_nj"] is not None]
    answer = []
    for which, rows in grouped(measured, "service", "place", "unit", "kind", "role").items():
        in_a, in_b = ([row for row in rows if is_within(row, side)] for side in (a, b))
        if in_a or in_b:
            answer.append((which[1], compared(which, in_a, in_b)))
    answer.sort(key=lambda pair: (
        last(pair[1]["service"]), pair[0], most(pair[1]["difference_j"]), pair[1]["kind"] or "",
        last(pair[1]["role"])))
    return [row for _, row in answer]


def compared(which, in_a, in_b):
    service, _, unit, kind, role = which
    counts = [total(row["units"] for row in rows) for rows in (in_a, in_b)]
    energies = [total(row["energy_nj"] for row in rows) for rows in (in_a, in_b)]
    each = [Fraction(nj, NANO) / count if nj is not None and count else None
            for nj, count in zip(energies, counts)]
    is_known = None not in each
    return {
        "service": service, "unit": unit, "kind": kind, "role": role,
        "a_count": counts[0], "b_count": counts[1], "a_nj": energies[0], "b_nj": energies[1],
        "a_j_per_unit": None if each[0] is None else float(each[0]),
        "b_j_per_unit": None if each[1] is None else float(each[1]),
        "change": ratio(each[1] - each[0], each[0]) if is_known else None,
        "difference_j": float((each[1] - each[0]) * counts[1]) if is_known else None,
    }


def outliers(fleet, threshold):
    known = [run for run in run_totals(fleet)
             if run["energy_nj"] is not None and (run["requests"] or 0) > 0]
    names = ("service", "model", "chip", "program_version")
    answer = []
    for which, runs in grouped(known, *names).items():
        members = []
        for (host_id,), own in grouped(runs, "host_id").items():
            found = {"host_id": host_id, "host": greatest(own, "host"), **sums(own, "requests", "energy_nj")}
            members.append({**found, "j_per_request": per(found["energy_nj"], found["requests"])})
        middle = median(member["j_per_request"] for member in members)
        spread = median(abs(member["j_per_request"] - middle) for member in members)
        for member in members if len(members) >= 5 and spread else ():
            z = (member["j_per_request"] - middle) / (1.4826 * spread)
            if abs(z) >= threshold:
                answer.append({
                    **dict(zip(names, which)), **member, "hosts": len(members),
                    "median_j_per_request": middle, "z": z,
                })
    return sorted(answer, key=lambda row: (
        -round(abs(row["z"]), 6), row["host_id"], last(row["service"]), last(row["model"]),
        last(row["program_version"])))


ACCOUNTS = ("idle_nj", "spans_nj", "unattributed_nj", "other_processes_nj", "profiler_nj",
            "residual_nj", "unknown_nj")


def balance(fleet):
    answer = []
    for (rail, root), rows in grouped(fleet.table("accounts"), "rail", "root").items():
        found = sums(rows, "measured_nj", *ACCOUNTS, "extrapolated_nj")
        fault = None
        if found["measured_nj"] is not None:
            fault = found["measured_nj"] - sum(found[name] or 0 for name in ACCOUNTS)
        answer.append({
            "rail": rail, "root": root, "hosts": distinct(rows, "host_id"), "packs": len(rows),
            **found, "fault_nj": fault,
            "coverage": ratio(total(r["covered_ns"] for r in rows), total(r["duration_ns"] for r in rows)),
        })
    return sorted(answer, key=lambda row: (most(row["measured_nj"]), row["rail"], row["root"]))


def outermost(rows):
    """Requests of a trace that are in no other one of their run, by their call paths."""
    kept = []
    for own in grouped(rows, "host_id", "run").values():
        paths = {row["kind"] for row in own}
        kept += [row for row in own if not any(row["kind"].startswith(f"{path} > ") for path in paths)]
    return kept


def trace(fleet, trace_id):
    requests = outermost(row for row in fleet.table("requests")
                         if row["trace_id"] == trace_id and row["root"])
    answered = {(row["host_id"], row["run"]) for row in requests}
    spans = [row for row in fleet.table("spans")
             if row["trace_id"] == trace_id and row["root"]
             and (row["host_id"], row["run"]) not in answered]
    answer = []
    for source, rows, name in (("requests", requests, "energy_nj"), ("spans", spans, "self_nj")):
        for which, own in grouped(rows, "service", "host_id", "host", "run").items():
            answer.append({
                **dict(zip(("service", "host_id", "host", "run"), which)), "source": source,
                "number": distinct(own, "span"), "busy_ns": greatest(own, "duration_ns"),
                "sample_rate": 1 if source == "requests" else greatest(own, "sample_rate"),
                "energy_nj": total(row[name] for row in own),
            })
    return sorted(answer, key=lambda row: (
        most(row["energy_nj"]), last(row["service"]), row["host_id"], row["run"], row["source"]))
