"""Small files of the kernel, below one root: `/` on a board, a directory in a test."""

import errno
from pathlib import Path

LARGEST_VALUE = 4096


class Sysfs:
    """Opened for every access: a device that has gone shows at once, one that came back is found. Raises OSError."""

    def __init__(self, root: Path | str = "/") -> None:
        self.root = Path(root)

    def read(self, path: str) -> str:
        with (self.root / path).open("rb", buffering=0) as file:
            return (file.read(LARGEST_VALUE) or b"").decode("ascii", errors="replace").strip()

    def write(self, path: str, text: str) -> None:
        with (self.root / path).open("wb", buffering=0) as file:
            file.write(text.encode("ascii"))

    def names(self, path: str) -> list[str]:
        """Of a directory, sorted; empty when there is none."""
        try:
            return sorted(each.name for each in (self.root / path).iterdir())
        except FileNotFoundError:
            return []

    def exists(self, path: str) -> bool:
        return (self.root / path).exists()

    def number(self, path: str) -> float:
        """Raises OSError, and ValueError for anything but a finite number."""
        text = self.read(path)
        value = float(text)
        if not abs(value) < 1e15:
            raise ValueError(f"{path} says {text[:40]!r}")
        return value

    def named(self, directory: str, prefix: str, attribute: str, name: str) -> str:
        """The device below `directory` whose `attribute` file says `name`, or that is called so itself.

        Raises FileNotFoundError, and OSError where several say it: which one came first can change at every start.
        """
        devices = [each for each in self.names(directory) if each.startswith(prefix)]
        found = (
            [name]
            if name in devices
            else [each for each in devices if self._says(f"{directory}/{each}", attribute, name)]
        )
        if not found:
            raise FileNotFoundError(errno.ENOENT, f"no {prefix} with {attribute} {name!r}", f"/{directory}")
        if len(found) > 1:
            words = f"{' and '.join(found)} have the same {attribute} {name!r}: use one of these numbers instead of it"
            raise OSError(errno.ENOTUNIQ, words, f"/{directory}")
        return f"{directory}/{found[0]}"

    def _says(self, path: str, attribute: str, name: str) -> bool:
        try:
            return self.read(f"{path}/{attribute}") == name
        except OSError:
            return False


def words_of(error: OSError | ValueError) -> str:
    """For a person."""
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"[:200]
    return str(error)[:200]
