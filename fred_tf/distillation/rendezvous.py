"""Workers find each other before TensorFlow connects them.

TensorFlow itself waits without a word, holds Python and takes SIGTERM, so that
nothing could end or explain the wait. Here each worker listens at its own
address until it knows that all others have reached all others; the port is then
free for TensorFlow.
"""

import contextlib
import errno
import json
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

from absl import logging

from fred_tf.disk import claims, files
from fred_tf.distillation.cluster import Place

WAIT = "FRED_TF_WORKERS_WAIT"
_LIMIT, _SPOKEN_EVERY, _PAUSE = 600.0, 30.0, 0.2
# Of a word between two workers: seconds, and bytes.
_PATIENCE, _LONGEST = 2.0, 1000


def limit() -> float:
    """Returns for how many seconds workers wait for each other.

    Raises:
        ValueError: the environment variable that says so is no number.
    """
    told = os.environ.get(WAIT) or str(_LIMIT)
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ValueError(
            f"{WAIT} must be a number of seconds above 0. Received: {told!r}. "
            f"Unset it for {_LIMIT:.0f}."
        )
    return seconds


def meet(place: Place, seconds: float) -> None:
    """Waits for all workers; every 30 seconds it says who is missing.

    Args:
        place: of this process.
        seconds: for how long.

    Raises:
        RuntimeError: some have not come, the port of this worker cannot be
            used, or the workers do not have the same TF_CONFIG but for their
            `task`.
    """
    meeting = _Meeting(place)
    begun, spoken = time.monotonic(), -math.inf
    with meeting.listening():
        while not meeting.complete():
            meeting.visit()
            now = time.monotonic()
            if not (missing := meeting.missing()):
                continue
            if now - begun > seconds:
                raise RuntimeError(
                    f"All {place.count} workers must come within "
                    f"{seconds:.0f} s. Missing on worker {place.index}: "
                    f"{missing}. Start the same command on each, with its own "
                    f"`task` in TF_CONFIG, or let {WAIT} say more seconds."
                )
            if now - spoken >= _SPOKEN_EVERY:
                spoken = now
                logging.info(
                    "Worker %d of %d waits for %s.",
                    place.index,
                    place.count,
                    missing,
                )
            time.sleep(_PAUSE)


class _Meeting:
    """What a worker knows of the others; each says it when they speak."""

    def __init__(self, place: Place):
        self._place = place
        self._others = set(range(place.count)) - {place.index}
        self._process = uuid.uuid4().hex
        self._seen: set[int] = set()  # They answered.
        self._done: set[int] = set()  # They have seen all the others.
        self._told: set[int] = set()  # They know that this one has.
        self._failures: dict[int, str] = {}
        self._dispute: str | None = None

    def complete(self) -> bool:
        """Returns whether nobody needs this worker's answers any more.

        Raises:
            RuntimeError: TF_CONFIG is not the same everywhere.
        """
        if self._dispute:
            raise RuntimeError(self._dispute)
        return self._done >= self._others and self._told >= self._others

    def missing(self) -> str:
        """Returns who has not come, with the reason; empty if all have."""
        return ", ".join(
            f"worker {i} at {self._place.addresses[i]} "
            f"({self._failures.get(i, 'has not seen all others')})"
            for i in sorted(self._others - (self._seen & self._done))
        )

    def visit(self) -> None:
        """Speaks to all others that may not know all about this worker."""
        for i in sorted(self._others - (self._told & self._done)):
            word = self._word()
            try:
                answer = self._ask(self._place.addresses[i], word)
            except (OSError, ValueError) as error:
                # Who has seen everyone leaves as soon as all others have.
                if i in self._done and word["met"]:
                    self._told.add(i)
                reason = getattr(error, "strerror", None) or error
                self._failures[i] = str(reason)
                continue
            self._hear(answer, i)
            if not self._dispute:
                self._failures.pop(i, None)
                self._seen.add(i)
                if word["met"]:
                    self._told.add(i)

    def _ask(self, address: str, word: dict[str, Any]) -> dict[str, Any]:
        host, _, port = address.rpartition(":")
        peer = host.strip("[]"), int(port)
        with socket.create_connection(peer, _PATIENCE) as connection:
            connection.sendall(_line(word))
            return _read(connection)

    def _word(self) -> dict[str, Any]:
        addresses = json.dumps(self._place.addresses).encode()
        return {
            "index": self._place.index,
            "process": self._process,
            "cluster": files.digest(addresses),
            "met": self._seen >= self._others,
        }

    def _hear(self, word: dict[str, Any], at: int | None = None) -> None:
        """Believes what another worker says, or disputes it."""
        own, index = self._place.index, word["index"]
        if word["process"] == self._process:
            self._dispute = (
                f"Each worker must have its own `task` in TF_CONFIG. Received: "
                f"that of worker {own} on the machine of worker {at}, "
                f"{self._place.addresses[at or 0]}. Correct it there."
            )
        elif word["cluster"] != self._word()["cluster"]:
            self._dispute = (
                "All workers must have the same `cluster` in TF_CONFIG. "
                f"Received: another on worker {index} than on worker {own}. "
                "Correct one of them."
            )
        elif index == own or index not in self._others:
            self._dispute = (
                "Each worker must have its own `task` in TF_CONFIG. Received: "
                f"that of worker {own} in two processes. Correct one of them."
            )
        elif word["met"]:
            self._done.add(index)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Answers the others in a thread."""
        ended = threading.Event()
        with _listener(self._place) as listener:
            listener.settimeout(_PAUSE)

            def answer() -> None:
                while not ended.is_set():
                    # Anybody may call, and hang up.
                    with contextlib.suppress(OSError, ValueError):
                        connection, _ = listener.accept()
                        with connection:
                            connection.settimeout(_PATIENCE)
                            word = _read(connection)
                            connection.sendall(_line(self._word()))
                            if word["process"] != self._process:
                                self._hear(word)

            thread = threading.Thread(target=answer, daemon=True)
            thread.start()
            try:
                yield
            finally:
                ended.set()
                thread.join()


def _line(word: dict[str, Any]) -> bytes:
    return json.dumps(word).encode() + b"\n"


def _read(connection: socket.socket) -> dict[str, Any]:
    """Returns what another worker says.

    Raises:
        ValueError: it is no worker that speaks.
    """
    text = b""
    while not text.endswith(b"\n") and len(text) < _LONGEST:
        if not (part := connection.recv(_LONGEST)):
            break
        text += part
    try:
        word = json.loads(text)
        return {
            "index": claims.integer(word, "index"),
            "process": claims.text(word, "process", 100),
            "cluster": claims.text(word, "cluster", 100),
            "met": bool(word.get("met")),
        }
    except (ValueError, AttributeError, RecursionError):
        raise ValueError("something else answers there") from None


def _listener(place: Place) -> socket.socket:
    address = place.addresses[place.index]
    port = int(address.rpartition(":")[2])
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True
            )
        return socket.create_server(("", port))
    except OSError as error:
        used = error.errno == errno.EADDRINUSE
        raise RuntimeError(
            f"Worker {place.index} must be able to listen at its address "
            f"{address}. Received: {error.strerror}. "
            + (
                "Another process does, perhaps one with the same `task.index`; "
                "end it or give this worker another port."
                if used
                else "Give it another port in TF_CONFIG."
            )
        ) from error
