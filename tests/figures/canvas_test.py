import io

import numpy as np
import pytest
import tensorflow as tf
from matplotlib import pyplot
from matplotlib.figure import Figure

from fred_tf.figures import canvas


def line(height: float) -> Figure:
    figure = Figure(figsize=(2, 1))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, height], color="red")
    axes.set_ylim(0, 1)
    return figure


def test_array_has_inches_times_dpi():
    array = canvas.to_array(line(1), dpi=80)
    assert array.shape == (80, 160, 3)
    assert array.dtype == np.uint8
    assert (array[0, 0] == 255).all()


def test_array_is_what_was_drawn():
    red = [(canvas.to_array(line(h))[..., 1] < 128).sum() for h in (0.1, 1)]
    assert 0 < red[0] < red[1]


def test_drawing_changes_neither_figure_nor_pyplot():
    figure = line(1)
    before = figure.dpi
    first = canvas.to_array(figure, dpi=37)
    canvas.to_array(figure, dpi=150)
    np.testing.assert_array_equal(canvas.to_array(figure, dpi=37), first)
    assert figure.dpi == before
    assert not pyplot.get_fignums()


def test_saved_file_is_the_array(tmp_path):
    path = canvas.save(line(1), tmp_path / "deep" / "line.png", dpi=90)
    image = tf.io.decode_png(path.read_bytes(), channels=3)
    np.testing.assert_array_equal(image, canvas.to_array(line(1), dpi=90))


def test_equal_figures_give_equal_files(tmp_path):
    one = canvas.save(line(1), tmp_path / "one.png").read_bytes()
    assert one == canvas.save(line(1), tmp_path / "two.png").read_bytes()
    assert b"Software\0fred_tf" in one  # And no version.


def test_a_file_says_what_it_is_about(tmp_path):
    path = canvas.save(line(1), tmp_path / "a.png", about="outer step 3")
    assert canvas.about(path) == "outer step 3"
    canvas.check_replaceable(path)
    canvas.save(line(1), tmp_path / "a.svg", about="outer step 3")
    assert "outer step 3" in (tmp_path / "a.svg").read_text()
    assert canvas.about(canvas.save(line(1), path)) == ""
    for other in (tmp_path / "a.svg", tmp_path / "none.png"):
        assert canvas.about(other) == ""


def test_only_what_was_saved_here_is_replaced(tmp_path):
    path = canvas.save(line(1), tmp_path / "line.png")
    canvas.check_replaceable(path)
    canvas.check_replaceable(tmp_path / "none.png")
    encoded = tf.io.encode_png(tf.zeros((2, 2, 3), tf.uint8)).numpy()
    (tmp_path / "photo.png").write_bytes(encoded)
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to(path)
    for name in ("photo", "empty", "folder", "link"):
        with pytest.raises(FileExistsError, match=f"{name}.png, which fred_tf"):
            canvas.check_replaceable(tmp_path / f"{name}.png")
    canvas.check_replaceable(canvas.save(line(1), tmp_path / "line.svg"))
    (tmp_path / "mine.svg").write_text("<svg></svg>")
    with pytest.raises(FileExistsError, match="mine.svg, which fred_tf"):
        canvas.check_replaceable(tmp_path / "mine.svg")
    with pytest.raises(ValueError, match="PNG or SVG. Received: .*none.jpg"):
        canvas.check_replaceable(tmp_path / "none.jpg")


def test_failure_leaves_the_old_file(tmp_path, monkeypatch):
    path = canvas.save(line(1), tmp_path / "line.png")
    before = path.read_bytes()

    def full_disk(self, file, **_):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(Figure, "savefig", full_disk)
    with pytest.raises(OSError, match="No space left"):
        canvas.save(line(0.1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_only_png_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"Received: .*a\.jpg"):
        canvas.save(line(1), tmp_path / "a.jpg")


def test_a_figure_for_a_dark_page_has_its_ground_and_light_ink():
    def drawn() -> np.ndarray:
        figure = line(1)
        figure.axes[0].set_title("what it is")
        file = io.BytesIO()
        canvas.write(figure, file, "png", dpi=100)
        return tf.io.decode_png(file.getvalue(), channels=4).numpy()

    before = drawn()
    with canvas.on_dark():
        dark = drawn()
    assert before[0, 0].tolist() == [255] * 4 and dark[0, 0, 3] == 0
    ink = dark[dark[..., 3] == 255][:, :3]
    grey = ink[np.ptp(ink, axis=1) == 0]
    assert len(grey) > 20 and grey.min() > 200
    np.testing.assert_array_equal(drawn(), before)
