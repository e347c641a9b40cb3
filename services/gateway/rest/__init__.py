"""REST for the kommun's own systems, after DIGG's REST API-profil: one table of operations, from which routes and document come."""
