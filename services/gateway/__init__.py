"""The only door for people: JSON and pages. Empty until the web comes."""
