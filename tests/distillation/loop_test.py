import contextlib
import os
import signal
import types

import pytest

from fred_tf.distillation import interruption as interruptions
from fred_tf.distillation import loop


class Counter:
    """Stands in for a distiller: counts, and diverges at one step."""

    def __init__(self, bad_step=None, at=None):
        self.step, self.bad_step, self.at = 0, bad_step, at or {}

    def __call__(self):
        if self.step + 1 == self.bad_step:
            return scalars(float("nan"), trouble=1, last_good=self.step)
        self.step += 1
        self.at.get(self.step, lambda: None)()
        return scalars(1.0 / self.step)


def scalars(loss, trouble=0, last_good=0):
    return {
        "loss": loss,
        "usual_gradient_norm": 2.0,
        "skipped": 0.0,
        "trouble": float(trouble),
        "last_good": float(last_good),
    }


def recorder(every, **options):
    steps = []
    action = loop.Action(every, lambda step, _: steps.append(step), **options)
    return steps, action


def test_actions_run_when_due_and_at_the_end():
    every, each = recorder(1)
    some, third = recorder(3)
    loop.run(Counter(), 7, [each, third])
    assert every == [1, 2, 3, 4, 5, 6, 7]
    assert some == [3, 6, 7]


def test_continues_from_the_distillers_step():
    counter = Counter()
    counter.step = 5
    steps, action = recorder(1)
    loop.run(counter, 7, [action])
    assert steps == [6, 7]
    loop.run(counter, 7, [action])
    assert steps == [6, 7]


def test_non_finite_step_stops_before_any_action():
    steps, action = recorder(1)
    with pytest.raises(loop.DivergedError, match="after step 3.$") as caught:
        loop.run(Counter(bad_step=4), 9, [action])
    assert "Outer step 4 is not finite" in str(caught.value)
    assert caught.value.last_good == 3
    assert steps == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_run_after_its_step(number):
    saved, save = recorder(100)
    skipped, slow = recorder(100, on_stop=False)
    counter = Counter(at={3: lambda: os.kill(os.getpid(), number)})
    before = signal.getsignal(number)
    with interruptions.Interruption().watching() as interruption:
        loop.run(counter, 9, [save, slow], interruption)
    assert saved == [3]
    assert skipped == []
    assert interruption.exit_code == 128 + number
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_leaves_a_block_that_keeps_its_own_progress(number):
    reached, left = [], []
    before = signal.getsignal(number)
    with interruptions.Interruption().watching() as interruption:
        with pytest.raises(interruptions.Stopped), interruption.at_once():
            try:
                reached.append("begun")
                os.kill(os.getpid(), number)
                reached.append("not stopped")
            finally:
                left.append("cleaned up")
        assert interruption.signal == number
        with pytest.raises(interruptions.Stopped), interruption.at_once():
            reached.append("begun again")
    assert (reached, left) == (["begun"], ["cleaned up"])
    assert signal.getsignal(number) == before


def test_signal_after_such_a_block_is_remembered_again():
    with interruptions.Interruption().watching() as interruption:
        with interruption.at_once():
            pass
        with pytest.raises(KeyError), interruption.at_once():
            raise KeyError
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.signal == signal.SIGTERM


def test_signal_of_another_process_ends_the_run():
    asked = []

    def share(number):
        asked.append(number)
        return signal.SIGTERM if len(asked) == 3 else number

    interruption = interruptions.Interruption()
    interruption.share = share
    saved, save = recorder(100)
    loop.run(Counter(), 9, [save], interruption)
    assert saved == [3]
    assert asked == [0, 0, 0]
    assert interruption.exit_code == 128 + signal.SIGTERM


def test_speaks_in_log_lines_without_a_terminal(caplog):
    import absl.logging

    absl.logging.set_verbosity(absl.logging.INFO)
    with caplog.at_level("INFO", logger="absl"):
        loop.run(Counter(), 3, [])
    assert "step 3 of 3" in caplog.text


def test_shows_a_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    loop.run(Counter(), 4, [])
    shown = capsys.readouterr().err
    assert "step 0 of 4, the next takes longest" in shown
    assert "100%|" in shown and "step 4 of 4, loss 0.25" in shown
    loop.run(Counter(), 4, [], progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("step", "last"), [(0, 10), (3, 10), (9, 10), (2, 12)])
@pytest.mark.parametrize("every", [1, 3, 4, 100])
def test_how_often_an_action_is_due_yet(step, last, every):
    action = loop.Action(every, print)
    due = [action.is_due(s, last) for s in range(step + 1, last + 1)]
    assert action.times(step, last) == sum(due)


def test_the_time_left_knows_what_steps_and_actions_take(monkeypatch):
    """Within a fifth after a tenth, though the first ones trace."""
    clock = types.SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(loop, "time", clock)
    told = []

    class Working(Counter):
        def __call__(self):
            clock.now += 0.1 if self.step else 30
            return super().__call__()

    def work(seconds, first):
        before = []

        def call(*_):
            clock.now += seconds if before else first
            before.append(None)

        return call

    @contextlib.contextmanager
    def shown(*_, **__):
        yield lambda step, words, left: told.append((step, clock.now, left()))

    monkeypatch.setattr(loop, "_shown", shown)
    evaluation = loop.Action(90, work(20, first=23), after_save=True)
    save = loop.Action(100, work(0.2, first=1))
    loop.run(Working(), 1000, [save, evaluation])
    assert told[0][2] is None
    for step, now, left in told:
        if step > 100:
            assert left == pytest.approx(clock.now - now, rel=0.2), step
