"""The figures, a file each: `data` says what is drawn, `draw` draws it.

The only place that knows matplotlib; it never touches pyplot's global state.
"""

import logging

# it says where no home can be written, and draws all the same
logging.getLogger("matplotlib").setLevel(logging.ERROR)
