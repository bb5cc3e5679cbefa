"""What tables of a sweep say of the images that networks are scored on."""

from trainers.sweep import table

HELD = {"accuracies": [0.5, 0.7], "tested_on": "held-out training images"}
TEST = {"accuracies": [0.9], "tested_on": "test"}
FAILED = {"failed": "no such data"}


def written(folder, *cells) -> tuple[str, list[str]]:
    """Returns the Markdown, and the lines of the CSV, of cells by seed."""
    told = [({"seed": str(n)}, facts) for n, facts in enumerate(cells)]
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
