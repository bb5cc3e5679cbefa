"""No transform: coefficients are pixels."""

import keras

from fred_tf.transforms.transform import Transform


@keras.saving.register_keras_serializable("fred_tf")
class Identity(Transform):
    """Leaves images as they are; a mask then keeps pixels, not frequencies.

    What FreD is compared with to see what the frequency domain adds.
    """

    axis = "position (pixels)"
    any_length = True
    has_frequencies = False

    def call(self, images):
        return images

    def inverse(self, coefficients):
        return coefficients

    def frequencies(self, spatial_shape):
        raise ValueError(
            "Pixels have no frequency, so none is low or high. Received: the "
            "transform 'identity'. Choose another transform or another "
            "`mask_rule`."
        )
