"""Programs: train experts, distil, evaluate, and all of it in one go."""
