"""Python from the contract: `python -m infra.proto` writes beside each .proto, with the compiler that is locked. For developers."""

import subprocess
import sys
from pathlib import Path

PROTO = Path(__file__).resolve().parents[1] / "proto"


def generate(into: Path) -> None:
    """Compile every .proto under proto/ to modules, stubs and types under `into`. Raises CalledProcessError, having said why."""
    sources = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.glob("**/*.proto"))
    outputs = [f"--python_out={into}", f"--grpc_python_out={into}", f"--mypy_out=quiet:{into}", f"--mypy_grpc_out=quiet:{into}"]
    plugins = [f"--plugin=protoc-gen-{name}={Path(sys.executable).with_name(f'protoc-gen-{name}')}" for name in ("mypy", "mypy_grpc")]
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I.", *plugins, *outputs, *sources], cwd=PROTO, check=True)


if __name__ == "__main__":
    generate(PROTO)
