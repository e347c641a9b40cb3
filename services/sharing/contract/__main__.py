"""`python -m services.sharing.contract` writes partner/contract/; `release` also makes it the last release; `check` compares with that."""

import json
import sys

from services.sharing.contract.compare import broken
from services.sharing.contract.documents import FOLDER, RELEASED, bundle, documents, read, written
from services.sharing.legal import law


def main() -> int:
    """0 done; 1 something would break a partner that was built against the last release; 2 wrong use."""
    words = sys.argv[1:]
    if words == ["check"]:
        released = json.loads((FOLDER / RELEASED).read_text(encoding="utf-8"))
        lines = broken(released, bundle(read()))
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return min(len(lines), 1)
    if words not in ([], ["release"]):
        return 2
    files = dict(documents(law()))
    if words:
        files[RELEASED] = written(bundle(files)) + "\n"
    for path in FOLDER.rglob("*.json"):
        if path.name != RELEASED and path.relative_to(FOLDER).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        (FOLDER / name).parent.mkdir(parents=True, exist_ok=True)
        (FOLDER / name).write_text(text, encoding="utf-8")
    sys.stdout.write(f"partner/contract: {len(files)} filer\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
