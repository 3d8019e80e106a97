"""Live sensors: fakes of `/sys/class`, of NVML and of powermetrics."""

from support import (
    CASES, ENERGY, Finding, Recording, energy, fake_system, fresh, near, recorded_on, shared_object, words,
)

NVML = "libnvidia-ml.so.1"


def with_nvml(**cards):
    folder = shared_object(NVML, CASES / "_tools/fake_nvml.c")
    return {"LD_LIBRARY_PATH": str(folder), **cards}


def power(name, right_w, make, program="sleep 1.5", env=None, event=(), relative=0.03):
    """Mean power of the root rails, and words that an event must contain."""

    def check():
        tools = fake_system()
        system = tools.Sys(name)
        make(system)
        process, recording = recorded_on(system, name, program, env() if env else None)
        found = recording.root_power_w()
        events = " ".join(recording.events()) + words(process)
        has_event = all(word in events for word in event)
        text = f"{found:.4g} W" + (f", event: {has_event}" if event else "")
        return Finding(text, near(found, right_w, relative) and has_event, bool(recording.events()))

    return check


def apu(system):
    system.zone("intel-rapl:0", "package-0", 20)
    system.zone("intel-rapl:0/intel-rapl:0:0", "core", 8)
    files = {"power1_input": "20000000", "power1_label": "PPT"}
    system.hw(3, "amdgpu", files, "0000:74:00.0")


def second_reading(system):
    files = {"power1_average": None, "power1_input": "30000000", "power1_cap": "1"}
    system.hw(3, "amdgpu", files, "0000:03:00.0")


def broken_neighbour(system):
    system.hw(1, "amdgpu", {"power1_average": None, "power1_cap": "1"}, "0000:03:00.0")
    jetson = {"in1_label": "VDD_IN", "in1_input": "5000", "curr1_input": "2000"}
    system.hw(2, "ina3221", jetson, "1-0040")


def package(system):
    system.zone("intel-rapl:0", "package-0", 20)


def psys_with_card(system):
    package(system)
    system.zone("intel-rapl:1", "psys", 45)


def psys_of(watts):
    def make(system):
        package(system)
        system.zone("intel-rapl:0/intel-rapl:0:2", "dram", 3)
        system.zone("intel-rapl:1", "psys", watts, start=0)

    return make


def dies(system):
    system.zone("intel-rapl:0", "package-0-die-0", 68)
    system.zone("intel-rapl:1", "package-0-die-1", 68)


def unknown_drivers():
    system = fake_system().Sys("h05")
    system.hw(1, "corsairpsu", {"power1_input": "90000000"})
    system.hw(2, "xe", {"energy1_input": "70000000"}, "0000:03:00.0")
    system.hw(3, "zenergy", {"energy1_input": "1000", "energy1_label": "Esocket0"})
    text = words(system.run(f"{ENERGY} doctor"))
    named = [driver for driver in ("corsairpsu", "xe", "zenergy") if driver in text]
    return Finding(f"doctor names {', '.join(named) or 'none'}", len(named) == 3)


def second_package():
    system = fake_system().Sys("r09")
    package(system)
    system.zone("intel-rapl:0/intel-rapl:0:0", "dram", 3)
    system.zone("intel-rapl:1", "psys", 60)
    system.zone("intel-rapl:2", "package-1", 21)
    system.zone("intel-rapl:2/intel-rapl:2:0", "dram", 4)
    _, recording = recorded_on(system, "r09")
    names = sorted(recording.rails())
    return Finding(", ".join(names), "dram-1" in names and "dram-2" not in names)


def named_jump():
    system = fake_system().Sys("n10")
    package(system)
    env = with_nvml(NV0="H100,GPU-aaa,jump,200")
    _, recording = recorded_on(system, "n10", "sleep 2.5", env)
    events = [e for e in recording.events() if "jump" in e or "absurd" in e or "reset" in e]
    is_right = bool(events) and all("gpu" in e and "rail 0" not in e for e in events)
    return Finding("; ".join(events)[:70] or "no event", is_right)


def late_rail():
    env = {"TRACING_ENERGY_POWERMETRICS": str(CASES / "_tools/fakepm.py"), "MODE": "cpu_first"}
    database = fresh("cpu_first")
    energy("--db", database, "record", "--source", "powermetrics", "--baseline", "0s", "--", "sleep", "2", env=env)
    rail = Recording(database).rails().get("cpu")
    if rail is None or not rail["seconds"]:
        return Finding("no cpu rail", False)
    watts = rail["energy_j"] / rail["seconds"]
    return Finding(f"cpu {watts:.4g} W", near(watts, 10, 0.05))


def cases():
    h100 = lambda: with_nvml(NV0="P40,GPU-aaa,energy,50", NV1="H100,GPU-bbb,energy,500", CUDA_VISIBLE_DEVICES="0")
    return [
        ("h02", "20 W", power("h02", 20, apu)),
        ("h03", "30 W", power("h03", 30, second_reading)),
        ("h04", "10 W", power("h04", 10, broken_neighbour)),
        ("h05", "doctor names all three", unknown_drivers),
        ("n02", "245 W, or reported", power("n02", 245, psys_with_card, env=lambda: with_nvml(NV0="A100,GPU-aaa,energy,200"))),
        ("n06", "520 W, or a warning", cuda_order(h100)),
        ("n09", "80 W", power("n09", 80, package, "sleep 4", lambda: with_nvml(NV0="L4,GPU-aaa,zero,60"))),
        ("n10", "the rail's name", named_jump),
        ("r03", "23 W, psys reported", power("r03", 23, psys_of(0), "sleep 4", event=("psys",))),
        ("r03d", "23 W, psys reported", power("r03d", 23, psys_of(9), "sleep 4", event=("psys",))),
        ("r04", "68 W, reported", power("r04", 68, dies, event=("die",))),
        ("r09", "dram-1", second_package),
        ("pm04b live", "cpu 10 W", late_rail),
    ]


def cuda_order(env):
    def check():
        system = fake_system().Sys("n06")
        package(system)
        process, recording = recorded_on(system, "n06", "sleep 1.5", env())
        found = recording.root_power_w()
        warned = "CUDA_DEVICE_ORDER" in words(process) + " ".join(recording.events())
        text = f"{found:.4g} W, warning: {warned}"
        return Finding(text, near(found, 520, 0.03) or warned)

    return check
