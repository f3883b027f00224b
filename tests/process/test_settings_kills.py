"""kill -9 in the middle of an import: everything of it is kept, or nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.settings.store import SettingsStore

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
KEYS = 300
IMPORTER = f"""
import sys
from pathlib import Path
from schemas.base import Answer, Answered
from services.settings.store import Changed, Entry, SettingsStore
store = SettingsStore(Path(sys.argv[1]))
for number in range(100_000):
    values = {{f"Key{{each}}": str(number) for each in range({KEYS})}}
    lines = [Entry(0.0, key, "", value, "", "") for key, value in values.items()]
    answered = Answered(request_id=f"r{{number}}", outcome=Answer.ACCEPTED)
    store.change(Changed(values, lines, {{"At": str(number)}}), "start", number, answered, 1e9)
    print(number, flush=True)
"""


@pytest.mark.parametrize("kill_after_s", [0.001, 0.004, 0.009, 0.017, 0.03])
def test_an_import_that_is_killed_is_kept_whole_or_not_at_all(tmp_path: Path, kill_after_s: float) -> None:
    path = tmp_path / "settings.db"
    importer = subprocess.Popen(
        [sys.executable, "-c", IMPORTER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert importer.stdout is not None
        told = importer.stdout.readline()
        assert told == "0\n"
        with pytest.raises(subprocess.TimeoutExpired):
            importer.wait(kill_after_s)
        os.kill(importer.pid, signal.SIGKILL)
        rest = importer.stdout.read().split()
    finally:
        importer.kill()
        importer.wait()
    acknowledged = max(int(number) for number in ["0", *rest])
    store = SettingsStore(path)
    kept = store.load()
    assert store.set_aside is None
    assert len(kept.values) == KEYS
    (number,) = set(kept.values.values())
    assert int(number) in (acknowledged, acknowledged + 1), "what was answered is on the disk"
    assert kept.at_start == {"At": number}
    assert kept.revision == int(number)
    assert kept.answers[-1][0].request_id == f"r{number}"
    assert {line.new for line in store.audit(most=KEYS)} == {number}
