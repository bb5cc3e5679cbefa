"""Files, folders and records that work continues from."""
