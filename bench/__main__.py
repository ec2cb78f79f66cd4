"""Runs benchmarks: `python -m bench [NAME...]`."""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.harness import PACKAGES, Bench, Row, Skipped

NAMES: Final = (
    "requests",
    "streams",
    "cut",
    "memory",
    "startup",
    "ledger",
    "meter",
    "guards",
    "policy",
    "shell",
    "patch",
    "telemetry",
    "http",
    "detect",
)


def main() -> int:
    """Run what was named, all by default; a benchmark that cannot run says why."""
    options = _parser().parse_args()
    if options.install:
        _install()
    reports = [_run(name, options.rounds, quiet=options.json) for name in options.names or NAMES]
    if options.json:
        print(msgspec.json.encode({"machine": _machine(), "benchmarks": reports}).decode())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure beside a reference in the same run, and print the ratios.",
        epilog="\n".join(f"  {name:10}{_bench(name).about}" for name in NAMES),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME", help="see below")
    parser.add_argument("--rounds", type=int, help="how often each side takes its turn")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--install",
        action="store_true",
        help=f"first install what is missing of {', '.join(PACKAGES)} (Debian, as root)",
    )
    return parser


def _bench(name: str) -> Bench:
    bench: Bench = import_module(f"bench.{name}").BENCH
    return bench


def _run(name: str, rounds: int | None, *, quiet: bool) -> dict[str, Any]:
    bench = _bench(name)
    report: dict[str, Any] = {"name": name, "about": bench.about, "rows": [], "skipped": None}
    try:
        rows = list(bench.measure(rounds or bench.rounds))
        report["rows"] = [msgspec.to_builtins(row) | {"ratio": row.ratio} for row in rows]
        text = _table(rows)
    except Skipped as skipped:
        report["skipped"] = str(skipped)
        text = f"  skipped: {skipped}"
    report["load_average"] = os.getloadavg()
    if not quiet:
        load = " ".join(f"{one:.2f}" for one in report["load_average"])
        print(f"{name}: {bench.about} (load average {load})\n{text}\n", flush=True)
    return report


def _table(rows: Iterable[Row]) -> str:
    lines = [("what", "unit", "ours", "reference", "ratio", "")]
    lines += [
        (
            row.what,
            row.unit,
            _figure(row.ours),
            _figure(row.reference),
            _figure(row.ratio),
            row.note,
        )
        for row in rows
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(
        f"  {what:{widths[0]}}  {unit:{widths[1]}}  {ours:>{widths[2]}}  {ref:>{widths[3]}}"
        f"  {ratio:>{widths[4]}}  {note}".rstrip()
        for what, unit, ours, ref, ratio, note in lines
    )


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
    }


def _install() -> None:
    if os.geteuid() != 0 or not Path("/etc/debian_version").exists():
        sys.exit("--install needs root on Debian or Ubuntu: install the tools by hand instead")
    subprocess.run(["apt-get", "update", "-q"], check=True)
    subprocess.run(["apt-get", "install", "-qy", *PACKAGES.values()], check=True)


if __name__ == "__main__":
    sys.exit(main())
