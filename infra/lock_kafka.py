"""Writes kafka.lock.toml: which jars the broker is made of, and the SHA-256 of each.

Run `python -m infra.lock_kafka` when one of the versions below changes, read the difference, and commit it.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from infra.jars import LOCK_FILE

# Resolved together: apart they bring different versions of kafka-clients, and the broker stops with NoSuchMethodError.
# slf4j-simple writes the log to stderr without a configuration file.
WANTED = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    "org.apache.kafka:kafka-tools:4.3.1",
    "org.slf4j:slf4j-simple:1.7.36",
)


def main() -> None:
    """Resolve, download and write the lock file."""
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(repo_cache=Path(cache), timeout=60)
        chosen, needed = context.resolver.resolve([context.create_dependency(text) for text in WANTED])
        lines = ["# Made by `python -m infra.lock_kafka`."]
        for dependency in sorted([*chosen, *needed], key=lambda one: (one.groupId, one.artifactId)):
            jar = dependency.artifact.resolve()
            lines += [
                "",
                "[[jar]]",
                f'group = "{dependency.groupId}"',
                f'artifact = "{dependency.artifactId}"',
                f'version = "{dependency.version}"',
                f"bytes = {jar.stat().st_size}",
                f'sha256 = "{hashlib.sha256(jar.read_bytes()).hexdigest()}"',
            ]
            sys.stderr.write(f"{jar.name}\n")
    LOCK_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
