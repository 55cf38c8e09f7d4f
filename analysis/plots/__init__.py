"""The figures, a file each: `data` says what is drawn, `draw` draws it.

The only place that knows matplotlib; it never touches pyplot's global state.
"""
