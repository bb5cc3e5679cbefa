"""Programs: train experts, distil, evaluate, look, and all of it in one go."""

import os

from export import loading as loading

# TensorFlow's core prints pages about graphs that it then runs as it should.
# Its errors stay; TF_CPP_MIN_LOG_LEVEL=0 shows everything.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
