"""Where trials run. A backend provides hosts; what is done with them stands once, in `stack.py`."""
