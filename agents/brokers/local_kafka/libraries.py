"""Java and Kafka's libraries: found, or fetched once with Maven, or one line that says what to install."""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from agents.platform.errors import UserError

RECIPE = Path(__file__).parents[3] / "deploy" / "kafka"
OLDEST_JAVA = 17
STAMP = "resolved-from"  # holds the hash of the pom.xml that the libraries were resolved from


class Java(NamedTuple):
    """Where it is, and its full version."""

    path: str
    version: str


def java() -> Java:
    """A Java that is new enough. Raises UserError naming the package."""
    path = shutil.which("java")
    if path is None:
        raise UserError(
            f"no Java found: a Kafka on this machine needs Java {OLDEST_JAVA} or newer "
            "(Debian, Ubuntu: apt-get install default-jre-headless)"
        )
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "((\d+)[^"]*)"', said.stderr)
    if found is None or int(found[2]) < OLDEST_JAVA:
        version = found[2] if found else "unknown"
        raise UserError(
            f"{path} is Java {version}: Kafka needs {OLDEST_JAVA} or newer "
            "(Debian, Ubuntu: apt-get install default-jre-headless)"
        )
    return Java(path, found[1])


def libraries(recipe: Path = RECIPE) -> Path:
    """The directory with Kafka's libraries; fetched when they are not there or the recipe has changed."""
    pom, libs = recipe / "pom.xml", recipe / "libs"
    try:
        wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{pom}: {error.strerror}; run this from a checkout of crs-monitor") from error
    target = recipe / "target"
    target.mkdir(exist_ok=True)
    with (target / "lock").open("w") as lock:  # two test runs at once fetch once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_resolved(libs, wanted):
            fetch(recipe, target / "libs")
            shutil.rmtree(libs, ignore_errors=True)
            (target / "libs").rename(libs)
            (libs / STAMP).write_text(wanted)
    return libs


def is_resolved(libs: Path, wanted: str) -> bool:
    """Whether the libraries are those of this recipe."""
    stamp = libs / STAMP
    return stamp.is_file() and stamp.read_text() == wanted


def fetch(recipe: Path, into: Path) -> None:
    """Lets Maven copy what the recipe names."""
    maven = shutil.which("mvn")
    if maven is None:
        raise UserError(
            "no Maven found: it fetches Kafka's libraries once (Debian, Ubuntu: apt-get install maven); "
            "or set KAFKA_BOOTSTRAP_SERVERS to a running Kafka"
        )
    shutil.rmtree(into, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(recipe / "pom.xml"), "dependency:copy-dependencies"]
    said = subprocess.run([*command, f"-DoutputDirectory={into}"], capture_output=True, text=True, check=False)
    if said.returncode != 0:
        shutil.rmtree(into, ignore_errors=True)
        errors = re.findall(r"\[ERROR\]\S*\s+(\S.*)", said.stdout + said.stderr)
        why = errors[0] if errors else f"exit code {said.returncode}"
        raise UserError(f"Maven could not fetch Kafka's libraries: {why} (mirrors and proxies: ~/.m2/settings.xml)")
