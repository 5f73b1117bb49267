"""May these bytes be loaded as weights? Structure decides, and what is unknown is denied."""
