"""What the runner's own machine has, for whichever backend: programs, the user that roles are, what
they may see, and what is kept between sessions. May not know hosts, nor how they are made.
"""
