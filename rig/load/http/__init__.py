"""HTTP as `verify`, the scout and the load speak it: what is asked, and what comes back."""
