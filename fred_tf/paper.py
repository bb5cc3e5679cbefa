"""A paper, as those who use its method cite it."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Paper:
    """What a citation says.

    Attributes:
        key: what it is cited by.
        authors: as BibTeX wants them.
        title: of the paper.
        venue: short name of the proceedings.
        year: of the proceedings.
        arxiv: identifier there.
    """

    key: str
    authors: str
    title: str
    venue: str
    year: int
    arxiv: str

    def bibtex(self) -> str:
        """Returns the citation in BibTeX."""
        return (
            f"@inproceedings{{{self.key},\n"
            f"  title     = {{{self.title}}},\n"
            f"  author    = {{{self.authors}}},\n"
            f"  booktitle = {{{self.venue}}},\n"
            f"  year      = {{{self.year}}},\n"
            f"  eprint    = {{{self.arxiv}}}\n"
            "}"
        )
