"""The version of this software, in a module that imports nothing: `chargectl up` needs it, and no bus."""

VERSION = "0.1.0"
