"""The families of each kind of object and their samples, one file for a kind.

A file here has KIND, its FAMILIES in the order of the page, those LOST while an object of the kind cannot be measured,
and `samples(snapshot, labels)`, which gives each family with its samples; `labels` are engine labels to carry over.
"""
