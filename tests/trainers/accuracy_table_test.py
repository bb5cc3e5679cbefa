from fred_tf.training.evaluation import Evaluation
from trainers import accuracy_table


def test_the_table_has_the_mean_of_the_unseen():
    results = {
        "convnet": Evaluation((0.5, 0.7), 0.01, {"fog": (0.2, 0.4)}),
        "mlp": Evaluation((0.3, 0.3), 0.01, {"fog": (0.1, 0.1)}),
        "lenet": Evaluation((0.4, 0.4), 0.01, {"fog": (0.1, 0.1)}),
    }
    table = accuracy_table.table("convnet", results).splitlines()
    assert table[0] == "| trained | clean | fog | mean of corrupted |"
    assert "60.0 +- 10.0 % | 30.0 +- 10.0 % | 30.0" in table[2]
    assert table[-1] == "Mean of the unseen ones: 35.0 %"


def test_another_test_set_is_in_no_mean():
    others = {"cifar10_1/v6": (0.5, 0.5), "fog": (0.2, 0.4), "snow": (0.4, 0.4)}
    results = {"convnet": Evaluation((0.5, 0.7), 0.01, others)}
    head, _, line = accuracy_table.table("convnet", results).splitlines()
    assert head.endswith(
        "clean | cifar10_1/v6 | fog | snow | mean of corrupted |"
    )
    assert line.endswith("| 40.0 +- 0.0 % | 35.0 +- 5.0 % |")
    alone = {"convnet": Evaluation((0.5,), 0.01, {"cifar10_1/v6": (0.5,)})}
    assert "mean" not in accuracy_table.table("convnet", alone)
