"""Rows of IDC and IDC-I, and of its objective on frequencies."""

from trainers.results.row import FREQUENCY, WIDE, Row

_IDC = "Kim et al. 2022"
CANVASES: dict[str, Row] = {
    "mnist_ipc1_idc": Row(
        "mnist_ipc1_idc_cpu", (), "run", WIDE, f"94.2 ({_IDC})"
    ),
    "mnist_ipc1_idc_i": Row(
        "mnist_ipc1_idc_i_cpu", (), "run", WIDE, f"88.9 ({_IDC})"
    ),
    "cifar10_ipc1_idc": Row(
        "cifar10_ipc1_idc_cpu", (), "run", WIDE, f"50.6 ({_IDC})"
    ),
    "cifar10_ipc1_idc_i": Row(
        "cifar10_ipc1_idc_i_cpu", (), "run", WIDE, f"36.7 ({_IDC})"
    ),
    # Its objective on as many floats of frequencies; ours.
    "cifar10_ipc1_fred_idc": Row(
        "cifar10_ipc1_idc_cpu",
        (
            *FREQUENCY,
            "coefficients_per_channel=64",
        ),
        "run",
        WIDE,
    ),
}
