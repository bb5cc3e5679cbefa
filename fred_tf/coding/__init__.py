"""Coefficients in few bytes: one step size, and a model that tells their bits.

`quantizer.py` rounds, `entropy_model.py` says how likely each level is, and
`coder.py` writes levels in the bytes that this leaves. The first two work on
tensors, so that a memory can be trained through them; a file has the third, and
learned labels as `labels.py` rounds them. Where it has few bytes, `by_rate.py`
chooses the levels that are worth their bits, of steps that `colours.py` gives
each colour.
"""
