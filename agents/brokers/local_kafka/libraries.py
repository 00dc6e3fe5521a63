"""Java and Kafka's libraries: found on this machine or fetched once with Maven, else an error names the package."""

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
INSTALL_JAVA = "(Debian, Ubuntu: apt-get install default-jre-headless)"
STAMP = "resolved-from"  # holds the hash of the pom.xml that the libraries were resolved from


class Java(NamedTuple):
    """The path of the executable, and its full version."""

    path: str
    version: str


def find_java() -> Java:
    """A Java that Kafka can run on. Raises UserError naming the package to install."""
    path = shutil.which("java")
    if path is None:
        raise UserError(f"no Java found: a Kafka on this machine needs Java {OLDEST_JAVA} or newer {INSTALL_JAVA}")
    done = subprocess.run([path, "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "((\d+)[^"]*)"', done.stderr)
    if found is None or int(found[2]) < OLDEST_JAVA:
        version = found[2] if found else "unknown"
        raise UserError(f"{path} is Java {version}: Kafka needs {OLDEST_JAVA} or newer {INSTALL_JAVA}")
    return Java(path, found[1])


def find_libraries(recipe: Path = RECIPE) -> Path:
    """The directory with Kafka's libraries; fetched when they are missing or pom.xml has changed. Raises UserError."""
    pom, libs = recipe / "pom.xml", recipe / "libs"
    try:
        wanted = hashlib.sha256(pom.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{pom}: {error.strerror}; run this from a checkout of crs-monitor") from error
    target = recipe / "target"
    target.mkdir(exist_ok=True)
    with (target / "lock").open("w") as lock:  # Two test runs at once fetch once.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_resolved(libs, wanted):
            fetch(recipe, target / "libs")
            shutil.rmtree(libs, ignore_errors=True)
            (target / "libs").rename(libs)
            (libs / STAMP).write_text(wanted)
    return libs


def is_resolved(libs: Path, wanted: str) -> bool:
    """Whether the libraries were resolved from the pom.xml with this hash."""
    stamp = libs / STAMP
    return stamp.is_file() and stamp.read_text() == wanted


def fetch(recipe: Path, into: Path) -> None:
    """Runs Maven to copy the libraries that pom.xml names. Raises UserError with Maven's first error."""
    maven = shutil.which("mvn")
    if maven is None:
        raise UserError(
            "no Maven found: it fetches Kafka's libraries once (Debian, Ubuntu: apt-get install maven); "
            "or set KAFKA_BOOTSTRAP_SERVERS to a running Kafka"
        )
    shutil.rmtree(into, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(recipe / "pom.xml"), "dependency:copy-dependencies"]
    done = subprocess.run([*command, f"-DoutputDirectory={into}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(into, ignore_errors=True)
        errors = re.findall(r"\[ERROR\]\S*\s+(\S.*)", done.stdout + done.stderr)
        why = errors[0] if errors else f"exit code {done.returncode}"
        raise UserError(f"Maven could not fetch Kafka's libraries: {why} (mirrors and proxies: ~/.m2/settings.xml)")
