"""Programs: train experts, distil, evaluate, look, and all of it in one go."""

from export import loading as loading
