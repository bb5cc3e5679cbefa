import pytest


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """Packs that were made once, to take copies of."""
    return tmp_path_factory.mktemp("shelf")
