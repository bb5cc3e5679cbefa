"""TF_CONFIG as people get it wrong; no cluster is started."""

import json

import pytest

from fred_tf.distillation import cluster, devices

PAIR = ["a:1", "b:1"]


def told(workers=PAIR, task=None, **cluster_of):
    jobs = {"worker": workers, **cluster_of}
    jobs = {job: named for job, named in jobs.items() if named is not ...}
    task = {"type": "worker", "index": 0} if task is None else task
    return json.dumps({"cluster": jobs, "task": task})


def task(**values):
    return told(task={"type": "worker", "index": 0, **values})


WRONG = {
    "no JSON": ("{", "Expecting property name"),
    "blank": ("  ", "Expecting value"),
    "a list": ("[]", "no JSON object"),
    "null": ("null", "no JSON object"),
    "too deep": ("[" * 100_000, "recursion|no JSON object"),
    "cluster is null": ('{"cluster": null}', "`cluster` must be a JSON obj"),
    "cluster is a list": ('{"cluster": [["a:1"]]}', "`cluster` must be a JSON"),
    "a job nobody has": (told(ps=["c:1"]), "must name no 'ps'"),
    "text for a list": (told("a:1,b:1"), "`worker` must be a list"),
    "workers are null": (told(None), "`worker` must be a list"),
    "no worker": (told([]), "`cluster.worker` must hold at least one"),
    "two chiefs": (told(chief=["c:1", "d:1"]), "`cluster.chief` must hold an"),
    "null for an address": (told(["a:1", None]), "host:port.*None"),
    "a list for an address": (told(["a:1", ["b:1"]]), "host:port.*b:1"),
    "an empty address": (told(["a:1", ""]), "host:port"),
    "no port": (told(["a:1", "b"]), "host:port.*'b'"),
    "no host": (told(["a:1", ":1"]), "host:port.*':1'"),
    "port 0": (told(["a:1", "b:0"]), "port from 1 to 65535.*'b:0'"),
    "port out of range": (told(["a:1", "b:65536"]), "to 65535.*'b:65536'"),
    "port below 0": (told(["a:1", "b:-1"]), "to 65535.*'b:-1'"),
    "a scheme": (told(["a:1", "grpc://b:1"]), "host:port.*'grpc://b:1'"),
    "a space": (told(["a:1", "b:1 "]), "host:port.*'b:1 '"),
    "an address twice": (told(["a:1", "a:1"]), "of its own.*a:1 twice"),
    "twice in capitals": (told(["a:1", "A:1"]), "of its own.*a:1 twice"),
    "chief is a worker": (told(chief=["b:1"]), "of its own.*b:1 twice"),
    "no task": (json.dumps({"cluster": {"worker": PAIR}}), "`task` must be"),
    "task is a text": (told(task="worker"), "`task` must be a JSON object"),
    "task of no job": (task(type="evaluator"), r"`type` .*\['worker'\]"),
    "type is null": (task(type=None), "`type` must be one of"),
    "no index": (told(task={"type": "worker"}), "`index` must be an integer"),
    "index 0.9": (task(index=0.9), "from 0 to 1. Received: 0.9"),
    "index 1.0": (task(index=1.0), "from 0 to 1. Received: 1.0"),
    "index is a text": (task(index="0"), "from 0 to 1. Received: '0'"),
    "index is true": (task(index=True), "from 0 to 1. Received: True"),
    "index too large": (task(index=2), "from 0 to 1. Received: 2"),
    "index below 0": (task(index=-1), "from 0 to 1. Received: -1"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said(text, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(
        ValueError, match=f"^TF_CONFIG must be JSON like .*{message}"
    ) as error:
        devices.strategy()
    assert str(error.value).endswith("Unset it to run in one process.")
    assert len(str(error.value)) < 1500


@pytest.mark.parametrize(
    ("text", "index", "addresses"),
    [
        ("", 0, ()),
        ("{}", 0, ()),
        ('{"cluster": {}, "task": {"type": "worker", "index": 0}}', 0, ()),
        (told(["h:1"]), 0, ("h:1",)),
        (told(task={"type": "worker", "index": 1}), 1, ("a:1", "b:1")),
        (
            told(chief=["c:1"], task={"type": "worker", "index": 1}),
            2,
            ("c:1", "a:1", "b:1"),
        ),
        (
            told(["[::1]:65535", "10.0.0.1:80", "Node_1.x-y:5"]),
            0,
            ("[::1]:65535", "10.0.0.1:80", "node_1.x-y:5"),
        ),
    ],
)
def test_a_place_is_read(text, index, addresses, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert cluster.place() == cluster.Place(index, addresses)
    assert devices.worker() == (index, max(1, len(addresses)))
