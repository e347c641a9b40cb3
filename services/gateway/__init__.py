"""The only door for people: sign-in, sessions, pages. It keeps nothing of any record; the services decide."""
