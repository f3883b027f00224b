"""One process per concern: folder = supervisord program = owner name on the bus. Services never import each other."""
