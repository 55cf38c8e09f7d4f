"""The figures, a file each: `data` says what is drawn, `draw` draws it.

The only place that knows matplotlib; it never touches pyplot's global state.
"""

import logging
import warnings

# it says where no home can be written, and draws all the same
logging.getLogger("matplotlib").setLevel(logging.ERROR)
# a name in signs that its font lacks is drawn by the reader's
warnings.filterwarnings("ignore", "Glyph", UserWarning)
