"""Work of simulated runs: their packs with all rows."""

import datetime
import hashlib

from packs import Pack
from shapes import ACCOUNTS, LAYERS, llm_kinds, service_kinds

BUCKET_NS = 300_000_000_000
LLM, PHASES = llm_kinds(), ["load", "prefill", "decode"]
# Paths of requests of a trace in a run, and what their energy is divided by. Two of them are in the
# first one.
REQUEST_PATHS = [
    ("serve > {}", 1), ("serve > {} > search", 2), ("serve > {} > a->b > store", 3),
    # Another branch, with a deeper path and a name that has the sign of a path.
    ("audit > log > {}", 4), ("audit > log > {}>2", 5),
]


class Rail:
    """A rail: its name, whether it is a root, and its part of the energy."""

    def __init__(self, source, name, kind, parent, part):
        self.source, self.name, self.kind, self.parent = source, name, kind, parent
        self.id, self.root, self.part = f"{source}/{name}", parent is None, part


RAILS = {
    "EPYC 9554": [
        Rail("rapl", "package-0", "cpu", None, 30), Rail("rapl", "core", "cpu", "rapl/package-0", 20),
        Rail("nvml", "gpu0", "gpu", None, 100),
    ],
    "Xeon 8480+": [
        Rail("rapl", "package-0", "cpu", None, 40), Rail("rapl", "dram", "memory", None, 5),
    ],
    "M4 Max": [
        Rail("powermetrics", "cpu", "cpu", None, 12), Rail("powermetrics", "gpu", "gpu", None, 15),
        Rail("smc", "battery", "system", None, 1),
    ],
}


class Work:
    """What one run computes; subclasses add the rows of its operations."""

    kinds, buckets, service, model, precision = (), 1, None, None, None
    is_running, scale = False, 1

    def __init__(self, host, dice, facts, **options):
        self.host, self.dice, self.facts = host, dice, facts
        self.rails = RAILS[host.chip]
        vars(self).update(options)

    def pack(self, attribution, bucket):
        """Returns one bucket with all rows."""
        start = self.facts["start_unix_ns"] + bucket * BUCKET_NS
        date = datetime.datetime.fromtimestamp(start / 1e9, datetime.timezone.utc).date()
        final = bucket + 1 == self.buckets and not self.is_running
        keys = {
            "host_id": self.host.id, "host": self.host.name, "service": self.service,
            "run": self.facts["run"], "attribution": attribution, "bucket": bucket,
        }
        manifest = {
            "start_unix_ns": start, "end_unix_ns": start + BUCKET_NS, "final": final,
            "schema_version": 1, "writer": "0.1.0", "method": "proportional",
            "provenance": "measured",
        }
        pack = Pack(keys, date.isoformat(), manifest)
        for rail in self.rails:
            self.add_rail(pack, rail)
        self.add_run(pack, start, final)
        self.add_spans(pack, start)
        return pack

    def add_rail(self, pack, rail):
        pack.add(
            "rails", rail=rail.id, source=rail.source, name=rail.name, kind=rail.kind,
            parent=rail.parent, root=rail.root, provenance="measured", interval_ns=100_000_000,
            idle_w=None if rail.source == "smc" else 5.5,
        )
        # A battery gauge has no reading in many short runs.
        known = rail.source != "smc" or self.dice.random() < 0.3
        spans = sum(self.add_kind(pack, rail, kind) for kind in self.kinds) if known else None
        self.add_accounts(pack, rail, spans)

    def add_kind(self, pack, rail, kind):
        path, role, part, per_unit = kind
        self_nj = self.energy(part * rail.part)
        count = max(1, per_unit * self.units * max(1, self.scale // 100_000))
        pack.add(
            "kinds", rail=rail.id, root=rail.root, kind=path, role=role or None, self_nj=self_nj,
            idle_nj=self_nj // 5, lo_nj=self_nj - 1000 if self.buckets == 1 else None,
            hi_nj=self_nj + 1000 if self.buckets == 1 else None, self_ns=count * 1000,
            covered_ns=count * 990, activations=count, instances=count, basis="proportional",
        )
        if self.host.number % 10 == 0:
            self.add_nodes(pack, rail, kind, self_nj)
        return self_nj

    def add_nodes(self, pack, rail, kind, self_nj):
        path, role, _, per_unit = kind
        places = LAYERS if per_unit == LAYERS else 1
        for place in range(places):
            share = self_nj * (place + 1) // places - self_nj * place // places
            number = len(pack.rows.get("nodes", ()))
            pack.add(
                "nodes", rail=rail.id, root=rail.root, node=number, parent=max(number - 1, 0),
                label=path.split(" > ")[-1], kind=path, role=role or None,
                depth=path.count(" > "), self_nj=share, idle_nj=share // 5, self_ns=990,
                covered_ns=980, activations=1, instances=1, basis="proportional",
            )

    def add_accounts(self, pack, rail, spans):
        values = dict.fromkeys(["idle_nj", "spans_nj", "measured_nj", *ACCOUNTS, "extrapolated_nj"])
        if spans is not None:
            values.update(idle_nj=self.energy(400 * rail.part), spans_nj=spans)
            for account in ACCOUNTS:
                if account == "unknown_nj" and rail.kind != "gpu":
                    continue
                noise = self.energy(20 * rail.part)
                values[account] = -noise // 3 if account == "residual_nj" else noise
            values["measured_nj"] = sum(value or 0 for value in values.values())
            values["extrapolated_nj"] = self.energy(rail.part)
        duration = BUCKET_NS
        if rail.kind == "memory" and self.host.number % 10 == 4:
            # A rail that stopped: all of the time that it knows of has samples.
            duration = BUCKET_NS // 3
        covered = 0 if spans is None else duration * 98 // 100
        pack.add(
            "accounts", rail=rail.id, root=rail.root, duration_ns=duration, covered_ns=covered,
            **values,
        )

    def add_run(self, pack, start, final):
        roots = [row for row in pack.rows["accounts"] if row["root"]]
        known = all(row["measured_nj"] is not None for row in roots)
        measured = sum(row["measured_nj"] for row in roots) if known else None
        idle = sum(row["idle_nj"] for row in roots) if known else None
        pack.add(
            "runs", name=self.service or self.model, status="complete" if final else "running",
            model=self.model, precision=self.precision, batch=1, engine="candle", chip=self.host.chip,
            os="Linux 6.8", version="0.1.0", program_version=self.facts["program_version"],
            start_unix_ns=self.facts["start_unix_ns"], bucket_start_unix_ns=start,
            bucket_end_unix_ns=start + BUCKET_NS, duration_ns=BUCKET_NS, measured_nj=measured,
            active_nj=measured - idle if known else None, tags='{"team":"ml"}', **self.counts(final),
        )

    def add_spans(self, pack, start):
        """Adds requests and spans; most runs send none."""

    def energy(self, part):
        """Returns a random energy; one in 50 is negative, as noise around idle power is."""
        shaken = part * self.scale * self.host.factor * self.per_unit_nj * self.units
        shaken *= self.dice.lognormvariate(0, 0.05)
        return int(shaken) if self.dice.random() > 0.02 else -int(shaken / 50)


class LlmWork(Work):
    """A language model that answers once; sent whole."""

    kinds, per_unit_nj = LLM, 40

    def __init__(self, host, dice, facts, **options):
        super().__init__(host, dice, facts, **options)
        self.units = dice.randrange(200, 500)

    def counts(self, final):
        return {"input_tokens": self.units // 4, "output_tokens": self.units, "requests": 1}

    def add_accounts(self, pack, rail, spans):
        super().add_accounts(pack, rail, spans)
        for place, phase in enumerate(PHASES if spans is not None else ()):
            self.add_phase(pack, rail, place, phase)

    def add_phase(self, pack, rail, place, phase):
        """The measured work is shorter than the run; `load` ends before its first sample."""
        energy, time = self.energy(100 * rail.part), BUCKET_NS // 4
        has_samples = phase != "load" and (phase != "decode" or self.host.number % 12)
        pack.add(
            "phases", rail=rail.id, root=rail.root, phase=phase, node=place + 1,
            duration_ns=time, covered_ns=time if has_samples else 0,
            measured_nj=energy if has_samples else None, extrapolated_nj=energy // 7,
            idle_nj=energy // 4 if has_samples else None,
            spans_nj=energy // 2 if has_samples else None,
        )


class ServiceWork(Work):
    """A service that answers requests; sent in buckets while it runs."""

    per_unit_nj = 30

    def __init__(self, host, dice, facts, **options):
        super().__init__(host, dice, facts, **options)
        self.kinds, self.units = service_kinds(self.service), self.requests
        # Versions differ by 12 %.
        self.per_unit_nj *= 1.12 if facts["program_version"] == "2.4.0" else 1.0

    def counts(self, final):
        """`search` reports its requests at the end, `summarise` on some hosts never."""
        if self.service == "summarise" and self.host.number % 2:
            return {}
        if self.service == "search":
            return {"requests": self.requests * self.buckets if final else None}
        return {"requests": self.requests}

    def add_spans(self, pack, start):
        which = self.host.number % 10
        if which not in (1, 2) or self.host.factor > 1:
            return
        for number in range(20):
            trace = hashlib.sha256(f"{self.traces}/{number}".encode()).hexdigest()[:32]
            for rail in self.rails:
                self.add_request(pack, rail, number, trace, start, with_requests=which == 1)

    def add_request(self, pack, rail, number, trace, start, with_requests):
        energy = self.energy(rail.part)
        span = pack.keys["bucket"] * 1000 + number * 10
        shared = {
            "rail": rail.id, "root": rail.root, "trace_id": trace, "duration_ns": 4_000_000,
            "start_unix_ns": start + number * 1_000_000_000, "kind": f"serve > {self.service}",
        }
        for below, (path, part) in enumerate(REQUEST_PATHS if with_requests else ()):
            own = {**shared, "kind": path.format(self.service)}
            pack.add(
                "requests", span=span + 5 + below, role="run" if below == 0 else None,
                label=self.service, token=None, energy_nj=energy // part, self_nj=None,
                idle_nj=energy // 5, measured_nj=energy // part + energy // 5,
                covered_ns=3_900_000, **own,
            )
        for below in range(1 if with_requests else 3):
            pack.add(
                "spans", span=span + below, parent=None if below == 0 else span, node=below,
                role="run" if below == 0 else None, thread="worker-1",
                self_nj=energy // (below + 2), sample_rate=1, **shared,
            )
