"""Networks that are matched, trained and scored."""

from fred_tf.networks.convnet import ConvNet
from fred_tf.networks.functional import Functional, Parameters
from fred_tf.networks.instance_norm import InstanceNorm

NETWORKS = {"convnet": ConvNet}

__all__ = ["NETWORKS", "ConvNet", "Functional", "InstanceNorm", "Parameters"]
