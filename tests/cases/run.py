#!/usr/bin/env python3
"""Runs the inputs in the folder ENERGY_CASES and compares each figure with its right value.

Usage: ENERGY_CASES=FOLDER tests/cases/run.py [CASE...]
ENERGY is the binary under test (default: target/release/energy). Exit code 1: a wrong figure.
"""

import shutil
import sys
import traceback

import support


def main(wanted):
    if support.CASES is None:
        print("SKIPPED: ENERGY_CASES names no folder; no recorded case is checked")
        return 0
    import accounts
    import chrome_files
    import clocks_and_stalls
    import live_sensors
    import power_files

    modules = (power_files, chrome_files, accounts, live_sensors, clocks_and_stalls)
    wrong = 0
    print(f"{'case':<30} {'right':<34} {'verdict':<9} found")
    for module in modules:
        for name, right, check in module.cases():
            if wanted and not any(part in name for part in wanted):
                continue
            verdict, found = judge(check)
            wrong += verdict not in ("right", "SKIPPED")
            print(f"{name:<30} {right:<34} {verdict:<9} {found}", flush=True)
    print(f"{wrong} wrong")
    shutil.rmtree(support.WORK, ignore_errors=True)
    return 1 if wrong else 0


def judge(check):
    try:
        finding = check()
        return finding.verdict, " ".join(finding.found.split())
    except support.Skip as reason:
        return "SKIPPED", str(reason)
    except Exception:
        return "FAILED", traceback.format_exc().strip().splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
