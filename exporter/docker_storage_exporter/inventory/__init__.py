"""What one engine keeps: asked through its API, or read from its metadata on disk when it does not answer.

The only room that knows an engine. `Engine` is what every engine offers; everything it returns is model values.
"""
