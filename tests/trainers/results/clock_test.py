"""Minutes of a row, whatever ends the processes that it takes."""

import time

from fred_tf.disk import records
from trainers.results import clock


def test_minutes_are_written_while_a_part_goes_on(tmp_path, monkeypatch):
    """So that a process that is killed loses few of them."""
    path = tmp_path / "minutes.json"
    monkeypatch.setattr(clock, "_EVERY", 0.01)

    def spent():
        there = path.exists() and records.read(path, clock.KIND)
        return there["minutes"].get("experts", 0) if there else 0

    one = clock.Clock(path, "a")
    with one.on("experts"):
        deadline = time.monotonic() + 30
        while not spent() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (first := spent()) > 0
        # As a process sees it that comes after.
        assert clock.Clock(path, "a").hardware == one.hardware
    assert (whole := spent()) >= first
    with clock.Clock(path, "a").on("experts"):
        pass
    assert spent() >= whole


def test_all_hardware_is_told_that_minutes_are_of(tmp_path, monkeypatch):
    path = tmp_path / "minutes.json"
    for hardware in ("one", "another", "one"):
        monkeypatch.setattr(clock, "hardware", lambda on=hardware: on)
        with clock.Clock(path, "a").on("distilling"):
            pass
    assert clock.Clock(path, "a").hardware == ["one", "another"]
    # Earlier versions did not say it.
    records.write(path, clock.KIND, {"row": "a"}, None, minutes={"experts": 2})
    again = clock.Clock(path, "a")
    assert (again.hardware, again.minutes()) == ([], {"experts": 2.0})
