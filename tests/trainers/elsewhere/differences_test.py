"""What packs say of themselves: where they differ from a run made here."""

import subprocess
import sys

from fred_tf.disk import records
from trainers.elsewhere import __main__ as elsewhere
from trainers.elsewhere import pack_folder, unpacking
from trainers.elsewhere.runner import differences

EXPERTS = {"reference": {"kind": "expert_segments"}}
BATCHES = {"reference": {"kind": "class_batches"}}


def test_a_pack_lists_what_is_true_of_it():
    experts, batches, scored = map(differences.of, (EXPERTS, BATCHES, {}))
    assert any("with replacement" in x for x in experts)
    assert any("fills no batch is dropped" in x for x in experts)
    assert not any("xpert" in x for x in batches + scored)
    of_steps = set(differences.STEPS)
    assert set(scored) == set(experts) & set(batches) - of_steps
    assert {*experts, *batches, *scored} == set(differences.ALL)


def test_the_sentences_stand_in_the_help_of_both_programs():
    for sentence in differences.ALL:
        assert sentence.endswith(".")
        assert sentence in elsewhere.__doc__
        assert f"- {sentence}" in differences.listed("  ")


def test_they_come_back_beside_the_minutes(tmp_path):
    class Folder:
        path = tmp_path

    spent = {"device": "it", "distilling": 2.5}
    told = {**spent, "differences": differences.of(EXPERTS)}
    path = tmp_path / "elsewhere.json"
    records.write(path, unpacking.KIND, {}, None, spent=told)
    assert unpacking.spent(Folder) == spent


def test_the_runner_says_them(tmp_path):
    done = subprocess.run(
        [sys.executable, pack_folder._RUN, "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert differences.ALL[0] in done.stdout
