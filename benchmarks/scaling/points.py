"""What is measured: points, and the axes that they lie on."""

import dataclasses
import math
from collections.abc import Iterable
from typing import NamedTuple

TRAJECTORY, DISTRIBUTION = "trajectory_matching", "distribution_matching"
# Images and student steps may cost no more than in proportion, to what timings
# of a shared machine are off by.
LINEAR = 1.1


@dataclasses.dataclass(frozen=True)
class Point:
    """A run whose outer step is measured.

    Attributes:
        objective: its name.
        images: distilled ones, in equal shares of the classes.
        student_steps: of trajectory matching.
        width: channels of the ConvNet, which has the depth of its images.
        image_size: pixels a side, of three channels.
        classes: how many there are.
        replicas: logical devices of this processor; each has a reference.
        chunk: images of a student step that are treated at a time; 0 for all.
        batch: images of a student step; 0 for all.
        ipc: budget of the memory; the coefficients that an image keeps follow
            from it.
    """

    objective: str = TRAJECTORY
    images: int = 160
    student_steps: int = 5
    width: int = 16
    image_size: int = 32
    classes: int = 10
    replicas: int = 1
    chunk: int = 0
    batch: int = 0
    ipc: int = 1

    def __str__(self) -> str:
        """Returns its objective and what it has other than the base."""
        values, usual = vars(self), vars(Point(self.objective))
        own = [f"{k} {v}" for k, v in values.items() if v != usual[k]]
        return ", ".join([self.objective.replace("_", " "), *own])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)`."""
        return self.image_size, self.image_size, 3

    @property
    def kept(self) -> int:
        """Coefficients that an image keeps of each channel."""
        of_all = self.ipc * self.classes * self.image_size**2
        if of_all % self.images:
            raise ValueError(
                "`images` must divide `ipc` * `classes` * `image_size`^2 "
                f"({of_all}). Received: {self.images}. Take another number."
            )
        return of_all // self.images

    @property
    def floats(self) -> int:
        """Floats of the memory."""
        return self.ipc * self.classes * math.prod(self.image_shape)


class Axis(NamedTuple):
    """Points that differ in one thing.

    Attributes:
        field: of `Point`.
        values: of that, ascending.
        larger: more of them, for a larger machine.
        base: the point, but for that.
        bound: what exponents may be at most.
    """

    field: str
    values: tuple[int, ...]
    larger: tuple[int, ...] = ()
    base: Point = Point()
    bound: float = math.inf

    def points(self, full: bool) -> list[Point]:
        """Returns its points, with `full` the larger ones, too."""
        values = self.values + self.larger * full
        return [
            dataclasses.replace(self.base, **{self.field: value})
            for value in values
        ]


_HUNDREDS = (160, 320, 640, 1280, 2560)
_THOUSANDS = (5120, 10_240)
_CLASSES = (25, 50, 100, 200)
AXES = {
    "images": Axis("images", _HUNDREDS, _THOUSANDS, bound=LINEAR),
    # Of which only so many are treated at a time.
    "images, in chunks of 160": Axis(
        "images", _HUNDREDS, _THOUSANDS, Point(chunk=160), LINEAR
    ),
    "student steps": Axis("student_steps", (5, 10, 20, 40, 80), bound=LINEAR),
    "width": Axis("width", (8, 16, 32, 64), (128, 256)),
    "image size": Axis("image_size", (32, 64, 128)),
    # As many divide the images and leave whole coefficients.
    "classes": Axis("classes", _CLASSES, base=Point(images=800)),
    # A student sees ten images of it once: what is measured is the memory.
    "floats of the memory, by ipc": Axis(
        "ipc",
        (64, 128, 256, 512),
        base=Point(images=5120, batch=10, student_steps=1, width=8),
    ),
    "replicas": Axis("replicas", (1, 2, 4), (8,)),
    "images, distribution matching": Axis(
        "images", _HUNDREDS, _THOUSANDS, Point(DISTRIBUTION), LINEAR
    ),
    "classes, distribution matching": Axis(
        "classes", _CLASSES, base=Point(DISTRIBUTION, 800)
    ),
}
# What a process holds that does next to nothing.
FLOORS = {
    name: Point(name, images=20, student_steps=1, width=8)
    for name in (TRAJECTORY, DISTRIBUTION)
}
# Whose peak a formula foretells, made of narrower ones.
CHECKED = Point(width=128)


def wanted(axes: Iterable[str], full: bool) -> list[Point]:
    """Returns the points of some axes, each once, after those they need."""
    of_axes = [p for name in axes for p in AXES[name].points(full)]
    needed = [*FLOORS.values(), CHECKED] if of_axes else []
    return list(dict.fromkeys([*needed, *of_axes]))
