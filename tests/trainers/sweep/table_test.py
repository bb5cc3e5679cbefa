"""What tables of a sweep say of the images that networks are scored on."""

from fred_tf import presets
from fred_tf.config import replace
from trainers.sweep import table

DM = presets.preset("digits_ipc1_dm_tiny")
HELD = {"accuracies": [0.5, 0.7], "tested_on": "held-out training images"}
TEST = {"accuracies": [0.9], "tested_on": "test"}
FAILED = {"failed": "no such data"}


def written(folder, *cells) -> tuple[str, list[str]]:
    """Returns the Markdown, and the lines of the CSV, of cells by seed."""
    told = [
        ({"seed": str(n)}, replace(DM, {"seed": n}), facts)
        for n, facts in enumerate(cells)
    ]
    text = table.write(folder, told)
    return text, (folder / "table.csv").read_text().splitlines()


def test_a_line_says_what_all_accuracies_are_on(tmp_path):
    text, (header, *_) = written(tmp_path, HELD, FAILED, HELD)
    assert "\nAccuracies are on held-out training images.\n" in text
    assert "tested_on" not in header and "tested_on" not in text
    text, _ = written(tmp_path, TEST, FAILED)
    assert "Accuracies are" not in text


def test_each_row_says_it_where_they_differ(tmp_path):
    text, (header, *rows) = written(tmp_path, HELD, TEST, FAILED)
    assert header.startswith("seed,tested_on,")
    assert [row.split(",")[1] for row in rows] == [
        "held-out training images",
        "test",
        "",
    ]
    assert "Accuracies are" not in text
    # Seeds of one kind are one mean.
    merged = text.partition("Mean and standard deviation")[2]
    assert "| held-out training images | " in merged and "| test | " in merged


def test_seeds_are_those_of_settings_and_count_once(tmp_path):
    """Of cells that differ in how they are written, too."""
    cells = [
        ({"ipc": "1"}, 0, 0.9),
        ({"ipc": "1", "seed": "0"}, 0, 0.9),
        ({"ipc": "1", "seed": "1"}, 1, 0.8),
        ({"ipc": "01", "seed": "2"}, 2, 0.7),
    ]
    text = table.write(
        tmp_path,
        [
            (values, replace(DM, {"seed": seed}), {"accuracies": [accuracy]})
            for values, seed, accuracy in cells
        ],
    )
    assert text.endswith("| 1, 01 | 80.0 +- 8.2 % | 3 |\n")
    (first, *_) = (tmp_path / "table.csv").read_text().splitlines()[1:]
    assert first.endswith("1,0.9,,")  # One network has no spread.
    one = table.write(
        tmp_path, [({"ipc": "1"}, DM, {"accuracies": [0.5, 0.7]})]
    )
    assert "seeds" not in one


def test_axes_may_be_called_as_columns_are(tmp_path):
    """What was asked for stands beside what came of it, also of a failure."""
    made = {"accuracies": [0.5], "outer_steps": 2, "loss": 0.25, "images": 10}
    values = {"outer_steps": "2", "loss": "squared"}
    text = table.write(
        tmp_path,
        [
            ({**values, "seed": "0"}, DM, made),
            ({**values, "seed": "1"}, replace(DM, {"seed": 1}), made),
            ({**values, "outer_steps": "3"}, DM, FAILED),
        ],
    )
    assert "| 2 | squared | 0 | 10 | " in text
    assert "\n| 3 | squared | " in text
    assert "| 2 | squared | 50.0 +- 0.0 % | 2 |" in text
    header, first, *_, last = (tmp_path / "table.csv").read_text().split()
    asked = "outer_steps_asked,loss_asked,seed,images,floats,outer_steps,loss,"
    assert header.startswith(asked)
    assert first.startswith("2,squared,0,10,,2,0.25,")
