"""Adapters from QCoDeS drivers to the roles of the bench; one file per instrument.

Each module has `connect(name, address)`, registered under the entry-point group
`kammerton.drivers`: blocking, it opens a session, changes no output and returns a role.
"""
