"""A simulated fleet: which host runs what, when, and with which faults."""

import datetime
import hashlib
import random

from packs import compact
from shapes import CHIPS, MODELS, SERVICES, VERSIONS
from work import LlmWork, ServiceWork

FIRST_DAY = datetime.date(2026, 11, 1)
DAY_NS = 86_400_000_000_000
# A factor that makes the sums of few runs exceed 64 bits.
HUGE = 300_000_000


def digits(*parts, length=32):
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:length]


def uuid(*parts):
    text = digits(*parts)
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


def unix_ns(day):
    moment = datetime.datetime.combine(day, datetime.time(), datetime.timezone.utc)
    return int(moment.timestamp()) * 1_000_000_000


class Host:
    """A machine of the fleet."""

    def __init__(self, number, hosts, seed):
        self.number = number
        # Hosts 3 and 4 have one name; the last one is host 1 with a new system.
        named = {4: 3, hosts - 1: 1 if hosts > 5 else number}.get(number, number)
        self.name = f"node-{named:03}"
        self.id = digits(seed, "host", number)
        self.chip = CHIPS[number % len(CHIPS)]
        # One host in 40 needs much more energy for the same work.
        self.factor = 2.5 if number % 40 == 7 else 1.0

    def start_ns(self, run):
        """When a run starts in its day. Some are in two days, others overlap."""
        start = self.number * 1_000_000_007
        if self.number % 6 == 5:
            return start + DAY_NS - 480_000_000_000
        if self.number % 8 == 2 and run == 1:
            return start - DAY_NS + 100_000_000_000
        return start


class Fleet:
    """Writes all packs of a fleet."""

    def __init__(self, folder, hosts, runs, seed, scale=HUGE):
        self.folder, self.runs, self.seed, self.scale = folder, runs, seed, scale
        self.hosts = [Host(number, hosts, seed) for number in range(hosts)]
        self.days = set()
        self.count = 0

    def write(self, compacted="none"):
        """Writes all runs; `half` compacts the first days and keeps sources of every second one."""
        for host in self.hosts:
            for run in range(self.runs):
                self._write_run(host, run)
        days = sorted(self.days)
        number = {"none": 0, "half": len(days) // 2, "all": len(days)}[compacted]
        for place, day in enumerate(days[:number]):
            compact(self.folder, day, remove=compacted == "all" or place % 2 == 0)
        return self.count

    def _write_run(self, host, run):
        dice = random.Random(f"{self.seed}/{host.number}/{run}")
        day = FIRST_DAY + datetime.timedelta(days=run)
        facts = {
            "run": uuid(self.seed, host.number, run),
            "start_unix_ns": unix_ns(day) + host.start_ns(run),
            "program_version": None if host.number % 20 == 19 else VERSIONS[run * 2 // self.runs % 2],
        }
        is_service = run % 5 >= 3
        work = self._service(host, run, dice, facts) if is_service else self._llm(host, run, dice, facts)
        for attribution, buckets, with_manifest in self._attributions(host, run, work):
            for bucket in range(buckets):
                pack = work.pack(attribution, bucket)
                pack.write(self.folder, with_manifest or bucket + 1 < buckets)
                self.days.add(pack.date)
                self.count += 1

    def _llm(self, host, run, dice, facts):
        model, precision = MODELS[(host.number + run) % len(MODELS)]
        scale = self.scale if run % 10 == 1 else 1
        return LlmWork(host, dice, facts, model=model, precision=precision, scale=scale)

    def _service(self, host, run, dice, facts):
        service, requests, buckets = SERVICES[(host.number // 3 + run) % len(SERVICES)]
        is_running = run == self.runs - 1 and host.number % 4 == 0
        return ServiceWork(
            host, dice, facts, service=service, requests=requests, buckets=buckets,
            is_running=is_running, traces=f"{self.seed}/{run}",
        )

    def _attributions(self, host, run, work):
        """Yields `(attribution, buckets, with the last manifest)` of a run."""
        yield 1, work.buckets, True
        which = (host.number + run) % 7
        if which == 2:
            yield 2, work.buckets, True
        # Still being written: at the end of the simulated time, as in a living fleet.
        if which == 4 and run == self.runs - 1:
            yield 2, work.buckets, False
        if which == 5 and work.buckets > 2:
            yield 2, work.buckets - 2, True
