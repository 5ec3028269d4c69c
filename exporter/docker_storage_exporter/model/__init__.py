"""The nouns: what an engine keeps, what was measured of it, and the whole of both at one moment. No I/O.

Names and paths are text as `os.fsdecode` gives it: bytes that are no UTF-8 appear as lone surrogates, and
`printable` makes them fit for a page or a terminal.
"""
