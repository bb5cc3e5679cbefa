"""No form replaces another."""

import pytest

from fred_tf.forms import FORMS, Form, SetForm
from fred_tf.forms.pictures import Picture
from fred_tf.forms.whitening import Whitening

FITTING = [x for x in FORMS.values() if isinstance(x, SetForm | Picture)]


def kind_of(form: Form) -> str:
    """Returns what a form may be replaced by."""
    return getattr(form, "kind", "picture")


@pytest.mark.parametrize("there", FITTING, ids=lambda form: form.name)
def test_forms_replace_their_own_kind_alone(
    there, small_set, small_memory, tmp_path
):
    if not there.fits(small_set, small_memory):
        pytest.skip("another set")
    path = there.write(small_set, small_memory, tmp_path / there.path)
    own = sorted(tmp_path.rglob("*"))
    for form in [*FITTING, Whitening()]:
        if kind_of(form) == kind_of(there):
            form.check_replaceable(path)
            continue
        # Of pictures, a name that is none is refused before.
        with pytest.raises((FileExistsError, ValueError)):
            form.check_replaceable(path)
    assert sorted(tmp_path.rglob("*")) == own
