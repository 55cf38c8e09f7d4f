"""The one app both targets install: model, SQL text, answers, failure classes.

May not know which target it runs in, nor anything of the rig.
"""
