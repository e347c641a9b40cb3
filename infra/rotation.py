"""A planned change of the key files of one data folder: for one agency and for the kommun itself. Nothing is written until `write`."""

from datetime import datetime, timedelta
from pathlib import Path

from infra import key_files, secrets, topics
from infra.folder import Folder
from infra.key_files import Jwk, KeysRefusedError


class Rotation:
    """The sets of keys as they will be. `now` is in whole seconds, as the times of keys are."""

    def __init__(self, folder: Folder, agency: topics.Agency, now: datetime) -> None:
        """Reads the files as they are."""
        self._folder = folder
        self._agency = agency
        self._now = now.replace(microsecond=0)
        self._private = secrets.private_file(folder, agency.name)
        self._register = secrets.receivers_file(folder)
        self._own = (secrets.signing_file(folder), secrets.encryption_file(folder))
        self._before = {path: key_files.read(path) for path in (self._private, self._register, *self._own)}
        self._after = dict(self._before)

    def new_agency_keys(self, overlap: timedelta) -> None:
        """The agency's stand-in here makes a new pair for each receiver kind; the older ones end `overlap` from now."""
        private, register = self._after[self._private], self._after[self._register]
        taken = {key["kid"] for key in register}
        for kind in self._agency.receiver_kinds:
            private = key_files.rotated(private, kind, self._now, overlap, taken)
        fresh = [key for key in key_files.public(private) if key["kid"] not in taken]
        self._after[self._private] = private
        self._after[self._register] = [*key_files.retired(register, self._agency.receiver_kinds, self._now + overlap), *fresh]

    def new_kommun_keys(self, lead: timedelta, overlap: timedelta) -> None:
        """The kommun's own new keys are used from `lead` on; the older ones end `overlap` after that."""
        for path in self._own:
            keys = self._after[path]
            self._after[path] = key_files.rotated(keys, key_files.kind_of(keys[0]["kid"]), self._now + lead, overlap)

    def take_in(self, path: Path, overlap: timedelta) -> None:
        """The agency's own public keys. Raises KeysRefusedError."""
        own = [key for mine in self._own for key in self._after[mine]]
        register, kinds = self._after[self._register], self._agency.receiver_kinds
        self._after[self._register] = key_files.taken_in(register, path, kinds, self._now, overlap, own)

    def revoke(self, kid: str) -> None:
        """A key of the agency, or of the kommun, is of no use from now. Raises KeysRefusedError when there is none of that name."""
        own = {key["kid"] for path in self._own for key in self._after[path]}
        theirs = {key["kid"] for key in self._after[self._register] if key_files.kind_of(key["kid"]) in self._agency.receiver_kinds}
        if kid not in own | theirs:
            message = f"Nyckeln {kid:.60} finns inte hos {self._agency.name} eller hos kommunen."
            raise KeysRefusedError(message)
        for path, keys in self._after.items():
            self._after[path] = key_files.revoked(keys, kid, self._now)

    def lines(self) -> list[str]:
        """What differs, in Swedish, one line a change."""
        found = [line for path, keys in self._after.items() for line in key_files.changes(self._before[path], keys)]
        return list(dict.fromkeys(found))  # a pair lies in two files

    def without_key(self) -> list[str]:
        """The receiver kinds, and the kommun's own uses, that have no key to seal or sign with now."""
        holding = {key_files.kind_of(key["kid"]) for keys in self._sets() for key in keys if key_files.holds(key, self._now)}
        own = [key_files.kind_of(self._after[path][0]["kid"]) for path in self._own]
        return [kind for kind in (*self._agency.receiver_kinds, *own) if kind not in holding]

    def write(self) -> None:
        """Who opens and verifies has its keys before who seals and signs."""
        own = key_files.public(key for path in self._own for key in self._after[path])
        if any(self._after[path] != self._before[path] for path in self._own):
            for agency in topics.AGENCIES:
                key_files.save(self._folder.partners / agency.name / "kommun.jwks", own)
        for path, keys in self._after.items():
            if keys != self._before[path]:
                key_files.save(path, keys)

    def _sets(self) -> list[list[Jwk]]:
        return [self._after[path] for path in (self._register, *self._own)]
