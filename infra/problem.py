"""What can go wrong with the local stack, said in one plain Swedish sentence."""

import errno
from pathlib import Path

_TAIL_BYTES = 65_536
_CAUSES = (
    ("No space left on device", "disken är full"),
    ("Address already in use", "porten är upptagen av ett annat program"),
    ("Could not reserve enough space", "minnet räcker inte"),
    ("insufficient memory", "minnet räcker inte"),
    ("Permission denied", "rättighet saknas till en fil eller mapp"),
    ("incompatible with server", "mappen är gjord av en annan version"),
)


class StackProblem(Exception):
    """The local stack cannot start or go on. The text is one Swedish sentence, shown to the user as it is."""


def from_os_error(error: OSError, doing: str) -> StackProblem:
    """Turn an OSError met while `doing` ("att skriva i /x") into a sentence."""
    causes = {
        errno.ENOSPC: "disken är full",
        errno.EDQUOT: "diskkvoten är slut",
        errno.EACCES: "rättighet saknas",
        errno.EPERM: "rättighet saknas",
        errno.EROFS: "disken går bara att läsa",
        errno.ENOENT: "en fil eller ett program saknas",
        errno.ENOTDIR: "en fil ligger där mappen ska vara",
        errno.ENOMEM: "minnet räcker inte",
    }
    cause = causes.get(error.errno or 0, f"systemet svarade {errno.errorcode.get(error.errno or 0, 'okänt fel')}")
    return StackProblem(f"Det gick inte {doing}: {cause}.")


def from_log(part: str, log: Path, start: int = 0) -> StackProblem:
    """Say why `part` stopped while starting, from what it wrote in `log` after byte `start`."""
    try:
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        text = ""
    for sign, cause in _CAUSES:
        if sign in text:
            return StackProblem(f"{part} kunde inte starta: {cause}. Loggen finns i {log}.")
    return StackProblem(f"{part} kunde inte starta. Loggen finns i {log}.")
