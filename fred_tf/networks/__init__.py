"""Networks that are matched, trained and scored."""

from fred_tf.networks.alexnet import AlexNet
from fred_tf.networks.convnet import ConvNet, ConvNet3D
from fred_tf.networks.convolution import CONVOLUTIONS, convolve_in
from fred_tf.networks.functional import Functional, Parameters
from fred_tf.networks.instance_norm import InstanceNorm, lay_out
from fred_tf.networks.lenet import LeNet
from fred_tf.networks.mlp import MLP
from fred_tf.networks.network import Network
from fred_tf.networks.norm_layouts import LAYOUTS
from fred_tf.networks.resnet import ResNet10AP, ResNet18, ResNet18AP
from fred_tf.networks.vgg import VGG11

NETWORKS: dict[str, type[Network]] = {
    member.Settings.name: member
    for member in (
        ConvNet,
        AlexNet,
        VGG11,
        ResNet18,
        ResNet18AP,
        ResNet10AP,
        MLP,
        LeNet,
        ConvNet3D,
    )
}

__all__ = [
    "CONVOLUTIONS",
    "LAYOUTS",
    "NETWORKS",
    "AlexNet",
    "ConvNet",
    "ConvNet3D",
    "Functional",
    "InstanceNorm",
    "LeNet",
    "MLP",
    "Network",
    "Parameters",
    "ResNet10AP",
    "ResNet18",
    "ResNet18AP",
    "VGG11",
    "convolve_in",
    "lay_out",
]
