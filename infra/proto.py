"""Python from the contract: `python -m infra.proto` writes beside each .proto, with the compiler that is locked. For developers."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROTO = Path(__file__).resolve().parents[1] / "proto"


def generate(into: Path) -> None:
    """Compile every .proto under proto/ to modules and types, and ours to stubs too, under `into`. Raises CalledProcessError."""
    ours, vendored = (sorted(path.relative_to(PROTO).as_posix() for path in PROTO.glob(f"{top}/**/*.proto")) for top in ("los", "buf"))
    _compile([*ours, *vendored], [f"--python_out={into}", f"--mypy_out=quiet:{into}"])
    _compile(ours, [f"--grpc_python_out={into}", f"--mypy_grpc_out=quiet:{into}"])


def _compile(sources: Sequence[str], outputs: Sequence[str]) -> None:
    plugins = [f"--plugin=protoc-gen-{name}={Path(sys.executable).with_name(f'protoc-gen-{name}')}" for name in ("mypy", "mypy_grpc")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *plugins, *outputs, *sources], cwd=PROTO, check=True)


if __name__ == "__main__":
    generate(PROTO)
