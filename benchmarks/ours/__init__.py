"""Our programs under measurement, each a worker as `tajo worker` runs it, with one role."""
