"""Short programs that use a distilled set; copy from them freely."""
