"""What every benchmark shares: honest timing, the machine, versions, and one JSON a method."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import resource
import statistics
import sys
import time
from datetime import datetime, timezone
from pathlib import Path


def timed(work, repeat=5, warmup=1):
    """Wall and CPU seconds of `work()`: median over `repeat` runs after `warmup` runs that are not counted."""
    # Worker threads of whatever ran before may still spin; their seconds are not this one's.
    time.sleep(0.5)
    for _ in range(warmup):
        result = work()
    wall, cpu = [], []
    for _ in range(repeat):
        start_wall, start_cpu = time.perf_counter(), time.process_time()
        result = work()
        cpu.append(time.process_time() - start_cpu)
        wall.append(time.perf_counter() - start_wall)
    return result, {"wall_s": statistics.median(wall), "cpu_s": statistics.median(cpu), "wall_min_s": min(wall), "wall_max_s": max(wall), "runs": repeat}


def peak_memory_mb():
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine():
    """Processor, cores and system, as a person reads them."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = lines[0].split(":")[1].strip() if lines else model
    return {"processor": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version()}


def versions(*packages):
    """Installed versions of packages."""
    return {package: importlib.metadata.version(package) for package in packages}


def write(slug, rows, packages):
    """Prints the rows and stores them under `results/<date>/<slug>.json`."""
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    folder = Path(os.environ.get("ELINVAR_BENCHMARKS", Path(__file__).parent / "results")) / date
    folder.mkdir(parents=True, exist_ok=True)
    record = {"method": slug, "date": date, "machine": machine(), "versions": versions("elinvar", "numpy", *packages), "rows": rows}
    path = folder / f"{slug}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    for row in rows:
        print(json.dumps(row), file=sys.stderr)
    print(path)
