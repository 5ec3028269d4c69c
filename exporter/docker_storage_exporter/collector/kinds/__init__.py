"""The families of each kind of object and their samples, one file for a kind.

A file here has KIND, its FAMILIES in the order of the page, those LOST while an object of the kind cannot be measured,
and PARTS, which make them from rows; `totals(snapshot)`, if there is one, gives those that are no row's.
"""
