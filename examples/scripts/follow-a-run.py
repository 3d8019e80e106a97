#!/usr/bin/env python3
"""Generates a run on a server, follows it, and shows its energy: list, generate, follow,
summarise, export, delete.

    energy serve --source modelled &
    follow-a-run.py [--token TOKEN] [--keep] [--model MODEL] http://localhost:8077 "Why is the sky blue?"

It needs the packages `requests` and `websockets`.
"""

import argparse
import json
import sys

import requests
from websockets.sync.client import connect


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("server", help="address that `energy serve` printed")
    parser.add_argument("prompt")
    parser.add_argument("--token", help="token of the server")
    parser.add_argument("--model", default="smollm2", help="id of a model")
    parser.add_argument("--keep", action="store_true", help="do not delete the run")
    options = parser.parse_args()
    api = options.server.rstrip("/") + "/api/profiling"
    headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
    session = requests.Session()
    session.headers.update(headers)

    def send(method, path, **more):
        try:
            response = session.request(method, api + path, **more)
        except requests.ConnectionError:
            sys.exit(f"no server answers at {options.server}; start it with `energy serve`, or give "
                     "the address that it printed")
        if not response.ok:
            problem = response.json()
            sys.exit(f"{problem['detail']}; {problem.get('remedy') or 'see docs/serve.md'}")
        return response

    print(send("GET", "/runs", params={"limit": 1}).json()["total"], "runs are recorded")

    socket = options.server.rstrip("/").replace("http", "ws", 1) + "/ws/profiling"
    with connect(socket, additional_headers=headers) as messages:
        body = {"prompt": options.prompt, "model": options.model, "max_tokens": 32,
                "allow_modelled": True, "tags": {"script": "follow-a-run"}}
        run = send("POST", "/generate", json=body).json()["run_id"]
        messages.send(json.dumps({"type": "subscribe", "runs": [run], "detail": "tokens"}))
        follow(messages, run)

    summary = send("GET", f"/run/{run}/summary").json()
    for phase in summary["phase_breakdown"]:
        energy, time = phase["total_energy_mj"], phase["total_duration_ms"]
        print(f"{phase['phase']:>10}: {shown(energy, 'mJ')} in {shown(time, 'ms')}")
    export = send("GET", f"/export/{run}", params={"format": "csv"})
    print(f"the export has {len(export.content)} bytes")
    if not options.keep:
        print(send("DELETE", f"/run/{run}", json={"confirm": run}).json()["message"])


def follow(messages, run):
    """Prints tokens with their energies until the run has ended."""
    for message in map(json.loads, messages):
        kind, data = message["type"], message["data"]
        if message["run"] != run:
            continue
        if kind == "token_complete":
            print(f"{data['text']!r:>16} {shown(data['energy_mj'], 'mJ')}")
        elif kind == "error":
            sys.exit(data["message"])
        elif kind == "inference_complete":
            print(f"{data['status']}: {shown(data['total_energy_mj'], 'mJ')}")
            return


def shown(value, unit):
    """Returns a value with its unit; unknown values are null."""
    return "unknown" if value is None else f"{value:.1f} {unit}"


if __name__ == "__main__":
    main()
