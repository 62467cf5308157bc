"""Tables and shots in files, to what can be fitted."""
